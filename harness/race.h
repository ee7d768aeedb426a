/*
 * race.h: for a lab's race.c, the plain program that is run under helgrind, drd and ThreadSanitizer.
 *
 * A race driver exercises every function of the contract from several threads at once, checks its
 * results (a hand-in that does nothing must not pass as free of races), and ends with status 0, or
 * with 1 through RACE_CHECK. Keep it small: helgrind costs about 145 times the native run.
 * Never a Criterion program, never a sleep where a join will do.
 */
#ifndef HARNESS_RACE_H
#define HARNESS_RACE_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with status 1 and the text on stderr unless `condition` holds. */
#define RACE_CHECK(condition, ...)                                                                                     \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
