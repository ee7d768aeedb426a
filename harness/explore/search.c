#include "search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exhaustive.h"
#include "location.h"
#include "schedule.h"

/* Work is counted in threads looked at: a few million a second. A search of fewer schedules than USUAL_SCHEDULES does
 * with less work, too, in proportion. */
enum { USUAL_SCHEDULES = 6000 };
enum { EXHAUSTIVE_WORK = 5000000, MIX_WORK = 12000000, RUN_WORK = 30, MORE_RUNS = 300 };
enum { MIX_SPURIOUS = 4, MIX_SHORTS = 3 };

struct search {
    const struct search_limits *limits;
    struct search_result result;
    double deadline;
    uint64_t last_run; /* stop after that run: something was found */
};

/* Seconds that this process has computed: where the search ends does not depend on what else the machine does. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t share_of(const struct search *search, uint64_t work)
{
    const uint64_t schedules = search->limits->schedules;
    return schedules < USUAL_SCHEDULES ? work * schedules / USUAL_SCHEDULES : work;
}

static bool is_fault(const struct verdict *verdict)
{
    return verdict->kind < VERDICT_NONE;
}

static bool wanted(const struct search *search, const struct verdict *verdict)
{
    if (verdict->kind == VERDICT_UNSUPPORTED)
        return true;
    if (!is_fault(verdict))
        return false;
    return search->limits->leaks || (verdict->kind != VERDICT_THREAD_LEAK && verdict->kind != VERDICT_ZOMBIE &&
                                     verdict->kind != VERDICT_MEMORY_LEAK);
}

static void keep(struct search *search, const struct verdict *verdict, bool weak)
{
    const struct deviations taken = strategy_taken();
    struct search_result *result = &search->result;
    free(result->list.items);
    result->list.items = malloc((taken.count + 1) * sizeof *taken.items);
    if (result->list.items == NULL)
        verdict_broken("no memory for a schedule");
    memcpy(result->list.items, taken.items, taken.count * sizeof *taken.items);
    result->list.count = taken.count;
    result->verdict = *verdict;
    result->weak = weak;
}

/* One mistake may show itself in several ways: after the first find a few more schedules are tried for a better reason.
 */
static bool try_plan(struct search *search, const struct plan *plan)
{
    const struct verdict *verdict = run_once(plan);
    struct search_result *result = &search->result;
    result->schedules++;
    result->cut += verdict->kind == VERDICT_CUT;
    schedule.work += RUN_WORK;
    const bool first = result->verdict.kind >= VERDICT_NONE;
    if (wanted(search, verdict) && (first || verdict->kind < result->verdict.kind)) {
        keep(search, verdict, plan->weak);
        if (first)
            search->last_run = result->schedules * 2 + MORE_RUNS;
    }
    if (result->schedules % 64 == 0 && now() > search->deadline)
        result->out_of_time = true;
    const enum verdict_kind kind = result->verdict.kind;
    return !result->out_of_time && kind != VERDICT_RACE && kind != VERDICT_UNSUPPORTED &&
           (kind == VERDICT_NONE || result->schedules < search->last_run);
}

/* Returns false when the whole search is over. *ended: this part saw all it can. */
/* `odd`: how many things may happen for no reason: wake-ups, and reads and writes of a part. */
static bool exhaust(struct search *search, unsigned bound, uint32_t odd, bool *ended)
{
    const uint64_t limit = schedule.work + share_of(search, EXHAUSTIVE_WORK), cut = search->result.cut;
    const struct plan plan = {.strategy = STRATEGY_EXHAUSTIVE, .spurious = odd, .shorts = odd};
    *ended = false;
    exhaustive_begin(bound);
    do {
        if (!try_plan(search, &plan))
            return false;
        if (schedule.work > limit)
            return true;
    } while (exhaustive_next());
    *ended = search->result.cut == cut && (bound == UNBOUNDED || !exhaustive_bounded());
    return true;
}

static bool search_exhaustively(struct search *search)
{
    const unsigned last = search->limits->preemptions >= 0 ? (unsigned)search->limits->preemptions : 2;
    bool ended = false, with_spurious = false;
    for (unsigned bound = 0; bound <= last && !ended; bound++)
        if (!exhaust(search, bound, 0, &ended) || schedule.one_order)
            return false;
    if (!ended && search->limits->preemptions < 0 && !exhaust(search, UNBOUNDED, 0, &ended))
        return false;
    if (!exhaust(search, ended ? UNBOUNDED : 1, 1, &with_spurious))
        return false;
    search->result.complete = ended && with_spurious;
    return true;
}

static struct plan mixed(const struct search *search, uint64_t i)
{
    static const struct plan mix[] = {
        {.strategy = STRATEGY_RANDOM},
        {.strategy = STRATEGY_PCT, .depth = 3},
        {.strategy = STRATEGY_PCT, .depth = 3, .spurious = MIX_SPURIOUS, .shorts = MIX_SHORTS},
        {.strategy = STRATEGY_RANDOM, .sleepers_last = true},
        {.strategy = STRATEGY_PCT, .depth = 2, .sleepers_last = true},
        {.strategy = STRATEGY_RANDOM, .spurious = MIX_SPURIOUS, .shorts = MIX_SHORTS},
        {.strategy = STRATEGY_RANDOM, .weak = true},
        {.strategy = STRATEGY_PCT, .depth = 4},
        {.strategy = STRATEGY_PCT, .depth = 3, .weak = true},
    };
    struct plan plan = mix[i % (sizeof mix / sizeof mix[0])];
    if (search->limits->strategy == SEARCH_RANDOM)
        plan.strategy = STRATEGY_RANDOM;
    if (search->limits->strategy == SEARCH_PCT && plan.strategy == STRATEGY_RANDOM)
        plan = (struct plan){
            .strategy = STRATEGY_PCT, .depth = 2, .spurious = plan.spurious, .shorts = plan.shorts, .weak = plan.weak};
    if (!location_weak_orders_seen())
        plan.weak = false;
    plan.seed = search->limits->seed + i;
    return plan;
}

struct search_result search_run(const struct search_limits *limits)
{
    struct search search = {.limits = limits, .deadline = now() + limits->seconds};
    search.result.verdict.kind = VERDICT_NONE;
    const bool exhaustive = limits->strategy == SEARCH_ALL || limits->strategy == SEARCH_EXHAUSTIVE;
    if (exhaustive && !search_exhaustively(&search))
        return search.result;
    if (search.result.complete && location_weak_orders_seen())
        search.result.complete = false;
    if (search.result.complete || limits->strategy == SEARCH_EXHAUSTIVE)
        return search.result;
    const uint64_t limit = schedule.work + share_of(&search, MIX_WORK);
    for (uint64_t i = 0; i < limits->schedules && schedule.work < limit; i++) {
        const struct plan plan = mixed(&search, i);
        if (!try_plan(&search, &plan))
            break;
    }
    return search.result;
}
