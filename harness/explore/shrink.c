#include "shrink.h"

#include <stdlib.h>
#include <string.h>

#include "schedule.h"

/* Bounds of what is tried: schedules, and scheduling points of all of them together, so that long schedules are not
 * tried for minutes. Counts, not times: the result is the same in every run. */
enum { TRIES = 600, SHRINK_STEPS = 4000000, SEEDS = 400, EFFECT_STEPS = 500000 };

struct plan shrink_plan(struct deviations list, bool weak, uintptr_t split)
{
    enum { ENOUGH = 1000000 };
    return (struct plan){
        .strategy = STRATEGY_REPLAY, .list = list, .spurious = ENOUGH, .shorts = ENOUGH, .weak = weak, .split = split};
}

static bool fails(const struct search_result *result, struct deviations list)
{
    const struct plan plan = shrink_plan(list, result->weak, result->split);
    return run_once(&plan)->kind == result->verdict.kind;
}

/* What the run really took: a deviation that was not possible is not in it. */
static void adopt(struct search_result *result)
{
    const struct deviations taken = strategy_taken();
    if (taken.count <= result->list.count) {
        memmove(result->list.items, taken.items, taken.count * sizeof *taken.items);
        result->list.count = taken.count;
    }
    result->verdict = *verdict_current();
}

static struct deviations without(struct deviations list, size_t from, size_t count, struct deviation *room)
{
    memcpy(room, list.items, from * sizeof *room);
    memcpy(room + from, list.items + from + count, (list.count - from - count) * sizeof *room);
    return (struct deviations){room, list.count - count};
}

bool shrink(struct search_result *result)
{
    if (!fails(result, result->list))
        return false;
    adopt(result);
    struct deviation *room = malloc((result->list.count + 1) * sizeof *room);
    if (room == NULL)
        verdict_broken("no memory to shrink a schedule");
    int tries = 0;
    uint64_t steps = 0;
    for (size_t size = result->list.count; size > 0; size /= 2)
        for (size_t end = result->list.count; end >= size && tries < TRIES && steps < SHRINK_STEPS; end -= 1) {
            if (end > result->list.count)
                continue;
            tries++;
            if (fails(result, without(result->list, end - size, size, room)))
                adopt(result);
            steps += schedule.steps;
        }
    free(room);
    return fails(result, result->list);
}

static bool is_effect(enum verdict_kind kind)
{
    return kind == VERDICT_ASSERTION || kind == VERDICT_CRASH || kind == VERDICT_EXIT || kind == VERDICT_DOUBLE_FREE ||
           kind == VERDICT_USE_AFTER_FREE || kind == VERDICT_OUT_OF_BOUNDS || kind == VERDICT_DEADLOCK ||
           kind == VERDICT_LOST_WAKEUP;
}

struct search_result shrink_effect(const struct search_result *race)
{
    struct search_result result = {.split = race->verdict.address, .verdict.kind = VERDICT_NONE};
    uint64_t steps = 0;
    for (uint64_t seed = 0; seed < SEEDS && steps < EFFECT_STEPS && result.split != 0; seed++) {
        const struct plan plan = {.strategy = seed % 2 == 0 ? STRATEGY_RANDOM : STRATEGY_PCT,
                                  .depth = 3,
                                  .seed = seed,
                                  .split = result.split};
        const bool shown = is_effect(run_once(&plan)->kind);
        steps += schedule.steps;
        if (!shown)
            continue;
        const struct deviations taken = strategy_taken();
        result.list.items = malloc((taken.count + 1) * sizeof *taken.items);
        if (result.list.items == NULL)
            verdict_broken("no memory to keep a schedule");
        memcpy(result.list.items, taken.items, taken.count * sizeof *taken.items);
        result.list.count = taken.count;
        result.verdict = *verdict_current();
        if (!shrink(&result))
            result.verdict.kind = VERDICT_NONE;
        break;
    }
    return result;
}
