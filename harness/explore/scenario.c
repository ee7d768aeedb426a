/*
 * scenario.c: the main of a lab's scenarios.c (scenario.h): runs the one that its argument names.
 */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

extern const struct scenario __start_scenarios[], __stop_scenarios[];

enum { EXIT_UNKNOWN = 127 };

/* Pointers that functions have left on the stack would hide a leak: the explorer takes memory that any word leads to
 * for still in use. */
__attribute__((noinline, no_sanitize("thread"))) static void wipe_dead_frames(void)
{
    volatile unsigned long words[1024];
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = 0;
}

/* As the explorer calls the program's main. */
int x_main(int count, char **words);
int x_main(int count, char **words)
{
    for (const struct scenario *s = __start_scenarios; s < __stop_scenarios && count > 1; s++)
        if (strcmp(s->name, words[1]) == 0) {
            s->run();
            wipe_dead_frames();
            return EXIT_SUCCESS;
        }
    return EXIT_UNKNOWN;
}
