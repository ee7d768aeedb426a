/*
 * lines.h: addresses of an explored program in the words of its source (elfutils: libdw).
 */
#ifndef GRADER_EXPLORE_LINES_H
#define GRADER_EXPLORE_LINES_H

#include <stdint.h>

struct line {
    const char *file; /* base name, "?" if unknown */
    int number;       /* 0 if unknown */
    const char *function;
    const char *text; /* the source line without leading blanks, "" if unknown */
};

struct lines;

/* lines_open: reads the debugging information of `executable` (not position independent). Without any, or if it cannot
 * be read, every address is unknown; never NULL. Blocks on file reads. A struct lines is for one thread at a time.
 * lines_close: frees it and what lines_at returned; NULL does nothing. */
struct lines *lines_open(const char *executable);
void lines_close(struct lines *lines);

/* lines_at: where the call that returns to `address` stands. Source files are read when they are first needed. Strings
 * are valid until lines_close. */
struct line lines_at(struct lines *lines, uintptr_t address);

#endif
