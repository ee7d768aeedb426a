/*
 * run.h: one schedule of the program, from memory put back to its verdict.
 */
#ifndef EXPLORE_RUN_H
#define EXPLORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "strategy.h"
#include "verdict.h"

struct plan {
    enum strategy_kind strategy;
    uint64_t seed;
    unsigned depth;         /* PCT */
    uint32_t spurious;      /* at most so many wake-ups for no reason */
    uint32_t shorts;        /* at most so many reads and writes of a part only */
    bool sleepers_last;     /* timed waits end only when nothing else can run */
    bool weak;              /* old values may be read */
    uintptr_t split;        /* see schedule.h */
    struct deviations list; /* replay */
};

/* run_open: once, before anything else: memory, signal handlers. run_once: runs `plan`. */
void run_open(void);
const struct verdict *run_once(const struct plan *plan);

#endif
