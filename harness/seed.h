/*
 * seed.h: fresh but repeatable inputs. The same LOCKSTEP_SEED gives the same inputs on every run.
 */
#ifndef HARNESS_SEED_H
#define HARNESS_SEED_H

#include <stdint.h>

/* seed_get: the seed of this run: LOCKSTEP_SEED from the environment, 1 without it. Thread safe. */
uint64_t seed_get(void);

/* seed_next: advances `*state` (start it with a seed) and returns the next of a sequence of
 * well-mixed 64-bit numbers. Not thread safe on one state.
 * Algorithm: SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t seed_next(uint64_t *state);

/* seed_below: the next number in [0, limit), limit > 0, uniform enough for tests. */
uint64_t seed_below(uint64_t *state, uint64_t limit);

#endif
