/* lines.h: addresses of an executable in the words of its source (elfutils: libdw). Not thread safe. */
#ifndef EXPLORE_LINES_H
#define EXPLORE_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct line {
    const char *file; /* base name, "?" if unknown */
    int number;       /* 0 if unknown */
    const char *function;
    const char *text; /* the source line without leading blanks, "" if unknown */
};

/* lines_open: reads the debugging information of `executable` (not position independent); false if that fails.
 * lines_close: what lines_at returned is not valid any more. */
bool lines_open(const char *executable);
void lines_close(void);

/* lines_at: where the call that returns to `address` stands. Strings are valid until lines_close. */
struct line lines_at(uintptr_t address);

#endif
