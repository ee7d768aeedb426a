/*
 * exhaustive.h: every schedule in turn (stateless depth-first search).
 *
 * A run repeats the decisions of the one before up to the last that still has an untried alternative, takes that, and
 * goes on with defaults. What is repeated is looked up (`taken`), not decided again. Either the number of preemptions
 * is bounded, or there is no bound and sleep sets (Godefroid) leave out schedules that differ from one seen before only
 * in the order of independent operations.
 */
#ifndef EXPLORE_EXHAUSTIVE_H
#define EXPLORE_EXHAUSTIVE_H

#include <stdbool.h>

#include "strategy.h"

enum { UNBOUNDED = 1000000 };

/* exhaustive_begin: a new search. With `preemptions` UNBOUNDED sleep sets are used. */
void exhaustive_begin(unsigned preemptions);

/* exhaustive_start_run: called by strategy_begin; for strategy_prefix. exhaustive_pick: called by strategy_pick; may
 * end the run as VERDICT_REDUNDANT. */
struct prefix exhaustive_start_run(void);
unsigned exhaustive_pick(const struct choice *choice, uint32_t number);

/* exhaustive_not_repeated: what must repeat itself does not; ends the process. */
_Noreturn void exhaustive_not_repeated(void);

/* exhaustive_next: after a run: whether there is another one to make. */
bool exhaustive_next(void);

/* exhaustive_bounded: whether the bound left out a schedule. */
bool exhaustive_bounded(void);

#endif
