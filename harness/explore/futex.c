#include "futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#include "arena.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

static bool is_woken(void *argument)
{
    return ((struct waiter *)argument)->woken;
}

static void take_out(struct sync *futex, const struct waiter *waiter)
{
    for (struct waiter **at = &futex->waiters; *at != NULL; at = &(*at)->next)
        if (*at == waiter) {
            *at = waiter->next;
            return;
        }
}

/* The kernel compares and goes to sleep in one step; a return for no reason is allowed. */
static long wait_on(int *address, int expected, uint64_t deadline, uintptr_t pc)
{
    struct sync *futex = sync_find(address, SYNC_FUTEX, pc);
    const struct operation operation = {.object = (uintptr_t)address, .words = "wait on a futex", .pc = pc};
    schedule_point(operation, NULL);
    memory_access((uintptr_t)address, sizeof *address, ACCESS_READ | ACCESS_ATOMIC, pc);
    if (*address != expected) {
        schedule_looked(pc, (uint64_t)*address);
        return model_fail(EAGAIN);
    }
    struct waiter *waiter = arena_zero(sizeof *waiter), **end = &futex->waiters;
    while (*end != NULL)
        end = &(*end)->next;
    *end = waiter;
    waiter->thread = thread_self()->id;
    const struct wait wait = {is_woken, waiter, deadline, true};
    trace_event(pc, "waits on the futex");
    struct operation asleep = operation;
    asleep.interrupt = INTERRUPT_ENTERED;
    const enum wake woken = schedule_point(asleep, &wait);
    if (!waiter->woken)
        take_out(futex, waiter);
    if (woken == WAKE_TIMEOUT) {
        trace_event(pc, "time is over, nobody woke it on the futex");
        return model_fail(ETIMEDOUT);
    }
    return woken == WAKE_SPURIOUS || (woken == WAKE_INTERRUPTED && !waiter->woken) ? model_fail(EINTR) : 0;
}

/* Whoever was ended while it waited waits no more. */
static void forget_dead(struct sync *futex)
{
    for (struct waiter **at = &futex->waiters; *at != NULL;)
        if (schedule.threads[(*at)->thread].alive)
            at = &(*at)->next;
        else
            *at = (*at)->next;
}

static long wake_up(int *address, int most, uintptr_t pc)
{
    struct sync *futex = sync_find(address, SYNC_FUTEX, pc);
    long done = 0;
    schedule_point((struct operation){.object = (uintptr_t)address, .words = "wake on a futex", .pc = pc}, NULL);
    forget_dead(futex);
    trace_event(pc, futex->waiters != NULL ? "wakes on the futex" : "wakes on the futex: nobody waits");
    for (; done < most && futex->waiters != NULL; done++) {
        unsigned count = 0;
        for (const struct waiter *waiter = futex->waiters; waiter != NULL; waiter = waiter->next)
            count++;
        struct waiter *waiter = futex->waiters;
        for (unsigned nth = schedule_choose(most < (int)count ? count : 1); nth > 0; nth--)
            waiter = waiter->next;
        waiter->woken = true;
        take_out(futex, waiter);
        schedule_changed();
    }
    return done;
}

long futex_call(int *address, int operation, int value, const struct timespec *time, uintptr_t pc)
{
    const clockid_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    uint64_t deadline = NEVER;
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        if (time != NULL)
            deadline = schedule.now + (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
        return wait_on(address, value, deadline, pc);
    case FUTEX_WAIT_BITSET:
        if (time != NULL)
            deadline = vtime_deadline(clock, time);
        return wait_on(address, value, deadline, pc);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return wake_up(address, value, pc);
    default:
        verdict_unsupported("futex operation %d", operation & FUTEX_CMD_MASK);
    }
}
