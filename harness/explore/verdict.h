/*
 * verdict.h: what a schedule showed, and how a run ends because of it.
 *
 * A finding is a value of the run. The functions that end a run go back to the search loop and never return; all
 * threads of the program are simply left where they stand (their memory is put back before the next schedule).
 */
#ifndef EXPLORE_VERDICT_H
#define EXPLORE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of rank: when one mistake shows itself in several ways, the first is the reason told. */
enum verdict_kind {
    VERDICT_RACE,
    VERDICT_OUT_OF_BOUNDS,
    VERDICT_USE_AFTER_FREE,
    VERDICT_DOUBLE_FREE,
    VERDICT_MISUSE,
    VERDICT_EXIT_WITH_LOCK, /* a thread ended and holds a lock for ever */
    VERDICT_DEADLOCK,
    VERDICT_LOST_WAKEUP,
    VERDICT_LIVELOCK,
    VERDICT_ASSERTION,
    VERDICT_CRASH,
    VERDICT_EXIT,
    VERDICT_THREAD_LEAK,
    VERDICT_ZOMBIE,
    VERDICT_MEMORY_LEAK,
    VERDICT_NONE,        /* the run ended and nothing was wrong */
    VERDICT_CUT,         /* given up: too long */
    VERDICT_REDUNDANT,   /* given up: equal to a schedule seen before */
    VERDICT_UNSUPPORTED, /* the explorer cannot run this */
};

enum { VERDICT_PLACES = 20, VERDICT_TEXT = 400, VERDICT_CALLERS = 4 };

struct verdict_place {
    int thread;                         /* -1: none */
    uintptr_t pc;                       /* a return address in the program, 0: none */
    uintptr_t callers[VERDICT_CALLERS]; /* return addresses, innermost first; 0: none, or not known any more */
    char words[120];                    /* what happened there */
};

struct verdict {
    enum verdict_kind kind;
    char text[VERDICT_TEXT];
    struct verdict_place places[VERDICT_PLACES];
    size_t count;
    uintptr_t address; /* the variable it is about, 0: none */
};

/* verdict_name: the word for a kind, e.g. "data race". */
const char *verdict_name(enum verdict_kind kind);

/* verdict_current: what the run that is going on, or the last one, has found so far. */
struct verdict *verdict_current(void);

/* verdict_reset: before a run. */
void verdict_reset(void);

/* verdict_place: adds a place to what will be reported; more than VERDICT_PLACES are dropped. */
void verdict_place(int thread, uintptr_t pc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* verdict_end: ends the run with this verdict. Returns only to the search loop, not here. */
_Noreturn void verdict_end(enum verdict_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* verdict_end_silent: the same without a word, for what ends most runs. */
_Noreturn void verdict_end_silent(enum verdict_kind kind);

/* verdict_unsupported: ends the run: the program does something the explorer does not model. */
_Noreturn void verdict_unsupported(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* verdict_broken: a fault of ours: says so on stderr and ends the process with EXIT_BROKEN. */
_Noreturn void verdict_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
