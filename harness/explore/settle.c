/*
 * settle.c: what a scenario may ask of the explorer (scenario.h).
 */
#include "scenario.h"

#include "arena.h"
#include "schedule.h"
#include "sync.h"
#include "verdict.h"

/* Scheduling points of the others before they are said to find no rest: more than a short spin before going to sleep
 * takes. */
enum { RESTLESS = 3000 };

struct settle {
    int thread;
    uint32_t begin;
};

static bool others_rest(void *argument);

static bool rests(const struct thread *thread)
{
    if (!thread->alive || thread->wait.ready == others_rest)
        return true;
    return thread->wait.ready != NULL && thread->wait.deadline == NEVER && !thread->wait.ready(thread->wait.argument);
}

static _Noreturn void tell_restless(void)
{
    verdict_place(thread_self()->id, thread_self()->operation.pc, "%s, again and again",
                  thread_self()->operation.words);
    verdict_end(VERDICT_LIVELOCK, "a thread that should sleep until it is woken looks again and again whether it can "
                                  "go on, or lets the clock wake it up to look");
}

static bool others_rest(void *argument)
{
    const struct settle *settle = argument;
    for (int id = 0; id < schedule.count; id++)
        if (id != settle->thread && !rests(&schedule.threads[id])) {
            if (schedule.steps - settle->begin > RESTLESS)
                tell_restless();
            return false;
        }
    return true;
}

void scenario_settle(void)
{
    struct settle *settle = arena_zero(sizeof *settle);
    *settle = (struct settle){thread_self()->id, schedule.steps};
    const struct wait wait = {others_rest, settle, NEVER, false};
    schedule_point((struct operation){.all = true, .words = "wait until the others rest", .pc = PC}, &wait);
}

_Noreturn void scenario_unsupported(const char *what)
{
    verdict_unsupported("%s", what);
}
