/*
 * search.h: which schedules are tried, in which order, and what is kept of them.
 *
 * First everything with 0, 1, 2 preemptions, then everything (sleep sets), as far as a share of the budget goes; if
 * that ended, all schedules were seen. Then a fixed list of seeds in a mix: random, PCT of depth 2 to 4, each with and
 * without spurious wake-ups and sleepers last, and weak memory if the program uses orders weaker than sequentially
 * consistent.
 */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

enum search_strategy { SEARCH_ALL, SEARCH_EXHAUSTIVE, SEARCH_PCT, SEARCH_RANDOM };

struct search_limits {
    enum search_strategy strategy;
    uint64_t schedules; /* of the mix */
    uint64_t seed;
    double seconds;  /* of CPU time, a last resort: what is found must not depend on it */
    int preemptions; /* -1: no bound */
    bool leaks;      /* whether memory and threads left over are findings */
};

struct search_result {
    struct verdict verdict; /* the best one: VERDICT_NONE if all were right */
    struct deviations list; /* of that schedule; owned: free(list.items) */
    bool weak;              /* it needs weak memory */
    uintptr_t split;        /* it needs the accesses there taken apart; 0: none */
    uint64_t schedules, cut;
    bool complete; /* every schedule was seen */
    bool out_of_time;
};

struct search_result search_run(const struct search_limits *limits);

#endif
