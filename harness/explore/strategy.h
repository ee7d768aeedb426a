/*
 * strategy.h: who decides: which alternative is taken at each decision of a run.
 */
#ifndef EXPLORE_STRATEGY_H
#define EXPLORE_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decision. For threads, a value is 2 * id, or 2 * id + 1: its wait ends by time-out or for no reason. Otherwise
 * values are 0, 1, 2 ... The first value is the default. */
struct choice {
    const uint16_t *values;
    unsigned count;
    bool threads;
    bool stays; /* values[0] goes on with the running thread: any other is a preemption */
    bool idle;  /* no thread had anything to do but to wait for others */
};

/* A departure from the default: at decision `number` take `value`. */
struct deviation {
    uint32_t number;
    uint16_t value;
};

struct deviations {
    struct deviation *items; /* ascending numbers */
    size_t count;
};

enum strategy_kind { STRATEGY_REPLAY, STRATEGY_RANDOM, STRATEGY_PCT, STRATEGY_EXHAUSTIVE };

/* strategy_begin: for the next run. `seed` for the random ones; `depth` for PCT; `list` (borrowed during the run) for
 * replay. Exhaustive: see exhaustive.h. */
void strategy_begin(enum strategy_kind kind, uint64_t seed, unsigned depth, struct deviations list);

/* strategy_pick: the index of the value to take at decision `number`. */
unsigned strategy_pick(const struct choice *choice, uint32_t number);

/* A decision that was taken. */
struct decision {
    uint16_t value;
    bool deviates, idle; /* is not the default; see struct choice */
};

/* strategy_prefix: the first decisions of the run about to begin, where they are known: it repeats another one so far.
 * Those between threads need not be asked for, unless `idle`. Borrowed until the first decision after them. */
struct prefix {
    const struct decision *items;
    uint32_t count;
};
struct prefix strategy_prefix(void);

/* strategy_yielded: thread `id` has nothing to do for now (PCT lowers its priority). */
void strategy_yielded(int id);

/* strategy_taken: the deviations of the run so far; valid until the next strategy_begin. */
struct deviations strategy_taken(void);

#endif
