/*
 * exploration.h: runs explored programs (program.h) and says what came of it.
 */
#ifndef GRADER_EXPLORE_EXPLORATION_H
#define GRADER_EXPLORE_EXPLORATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results.h"

struct sandbox;

struct exploration_spec {
    const char *directory; /* holds `program` */
    const char *results;   /* path of the file it writes its results to */
    int strategy;          /* of exploration_strategy */
    uint64_t schedules;    /* of the mix that follows the exhaustive share */
    uint64_t seed;
    double seconds;               /* of CPU time after which it gives up */
    int preemptions;              /* bound of the exhaustive search, -1: none */
    bool leaks;                   /* memory and threads left over are findings */
    const char *replay;           /* a schedule to show instead of a search; NULL: search */
    const char *const *arguments; /* of the program */
    size_t arguments_count;
    const struct sandbox *sandbox; /* NULL: none; the file `results` must be there and writable in it */
};

enum explored {
    EXPLORED_CLEAN,       /* nothing found, as far as results says it looked */
    EXPLORED_FOUND,       /* something is wrong with the program: see results */
    EXPLORED_UNSUPPORTED, /* it cannot be judged: see why */
    EXPLORED_MISUSED,     /* `replay` is no schedule */
    EXPLORED_BROKEN,      /* a fault of ours: see why */
};

struct exploration {
    enum explored outcome;
    char *why; /* NULL if clean or found */
    struct results results;
    char *output; /* what the program printed in the schedule that is shown; cleaned */
    double seconds;
};

/* exploration_strategy: the number of all, exhaustive, pct or random; -1 for another word. */
int exploration_strategy(const char *name);

/* exploration_run: runs `count` explorations, `jobs` at a time, and fills out[0..count-1]; release each with
 * exploration_release. Returns false only if the machinery failed: then there is nothing to release. Blocks until all
 * have ended. Thread safe. */
bool exploration_run(const struct exploration_spec *specs, size_t count, size_t jobs, struct exploration *out);
void exploration_release(struct exploration *exploration);

/* exploration_coverage: in words what was searched, `all 11 schedules`, `6000 of many schedules`. Caller frees. */
char *exploration_coverage(const struct results *results);

#endif
