/*
 * shrink.h: makes a failing schedule easier to read: as few deviations from the default as possible.
 */
#ifndef EXPLORE_SHRINK_H
#define EXPLORE_SHRINK_H

#include "search.h"

/* shrink: drops deviations from result->list as long as the same kind of finding remains, and puts the
 * verdict of the shortest schedule in result->verdict. Returns false if not even the schedule as found fails again,
 * which is a fault of ours. Runs the program up to some hundred times. */
bool shrink(struct search_result *result);

/* shrink_effect: a schedule that shows what the data race `race` does: the racing accesses are taken apart until an
 * assertion fails or the like. result->verdict.kind is VERDICT_NONE if none was found; the caller frees
 * result->list.items. */
struct search_result shrink_effect(const struct search_result *race);

/* shrink_plan: the plan that replays `list`. */
struct plan shrink_plan(struct deviations list, bool weak, uintptr_t split);

#endif
