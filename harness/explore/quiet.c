/* quiet.c: scenario_until_all_sleep, for scenarios in which waiting must cost nothing (scenario.h). */
#include "arena.h"
#include "model.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

/* STEPS: scheduling points in which everybody must have come to rest. ROUNDS: of looking at the same values again while
 * nobody changes anything; a loop that ends by counting is shorter. */
enum { STEPS = 20000, ROUNDS = 2000 };
#define HOUR (3600 * 1000000000ull) /* who sleeps that long is as good as asleep for ever */

struct quiet {
    int thread;
    uint32_t last_step;
};

static bool all_sleep(void *argument);

static bool sleeps(const struct thread *thread)
{
    if (thread->wait.ready == all_sleep)
        return true;
    if (schedule.signals && signals_may_take(thread))
        return false;
    if (thread->wait.ready == NULL || thread->wait.ready(thread->wait.argument))
        return false;
    /* Counted from now, which moves while they sleep: many short sleeps add up to an hour, too. */
    return thread->wait.deadline >= schedule.now + HOUR;
}

static _Noreturn void report(const struct quiet *quiet)
{
    for (int id = 0; id < schedule.count; id++) {
        const struct thread *thread = &schedule.threads[id];
        if (thread->alive && id != quiet->thread && !sleeps(thread))
            verdict_place(id, thread->operation.pc, "%s, again and again", thread->operation.words);
    }
    verdict_end(VERDICT_LIVELOCK, "these threads do not sleep while they wait: they look again and again whether "
                                  "something has happened");
}

static bool all_sleep(void *argument)
{
    const struct quiet *quiet = argument;
    bool quiet_now = true;
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && id != quiet->thread)
            quiet_now &= sleeps(&schedule.threads[id]);
    if (!quiet_now && (schedule.steps > quiet->last_step || schedule.idle > ROUNDS))
        report(quiet);
    return quiet_now;
}

MODEL(void, scenario_until_all_sleep, (void))
{
    struct quiet *quiet = arena_zero(sizeof *quiet);
    *quiet = (struct quiet){thread_self()->id, schedule.steps + STEPS};
    const struct wait wait = {all_sleep, quiet, NEVER, false};
    schedule_point((struct operation){.all = true, .words = "wait until all others sleep", .pc = PC}, &wait);
    for (int id = 0; id < schedule.count; id++)
        schedule.threads[id].rests = id != quiet->thread;
    trace_event(PC, "all others sleep");
}
