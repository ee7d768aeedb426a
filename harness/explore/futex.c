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
static long wait_on(int *address, int expected, uint64_t deadline, uint32_t bits, uintptr_t pc)
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
    waiter->bits = bits;
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

static unsigned answering(const struct sync *futex, uint32_t bits)
{
    unsigned count = 0;
    for (const struct waiter *waiter = futex->waiters; waiter != NULL; waiter = waiter->next)
        count += (waiter->bits & bits) != 0;
    return count;
}

/* The nth of those that answer to `bits`. */
static struct waiter *nth_of(const struct sync *futex, uint32_t bits, unsigned nth)
{
    struct waiter *waiter = futex->waiters;
    while ((waiter->bits & bits) == 0 || nth-- > 0)
        waiter = waiter->next;
    return waiter;
}

static long wake_up(int *address, int most, uint32_t bits, uintptr_t pc)
{
    struct sync *futex = sync_find(address, SYNC_FUTEX, pc);
    long done = 0;
    schedule_point((struct operation){.object = (uintptr_t)address, .words = "wake on a futex", .pc = pc}, NULL);
    forget_dead(futex);
    trace_event(pc, answering(futex, bits) > 0 ? "wakes on the futex" : "wakes on the futex: nobody waits");
    for (unsigned count; done < most && (count = answering(futex, bits)) > 0; done++) {
        struct waiter *waiter = nth_of(futex, bits, schedule_choose(most < (int)count ? count : 1));
        waiter->woken = true;
        take_out(futex, waiter);
        schedule_changed();
    }
    return done;
}

long futex_call(int *address, int operation, int value, const struct timespec *time, uint32_t bits, uintptr_t pc)
{
    const clockid_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    const int command = operation & FUTEX_CMD_MASK;
    uint64_t deadline = NEVER;
    if (command != FUTEX_WAIT_BITSET && command != FUTEX_WAKE_BITSET)
        bits = FUTEX_BITSET_MATCH_ANY; /* not passed */
    if (bits == 0)
        return model_fail(EINVAL);
    switch (command) {
    case FUTEX_WAIT:
        if (time != NULL)
            deadline = vtime_after(vtime_nanoseconds(time));
        return wait_on(address, value, deadline, bits, pc);
    case FUTEX_WAIT_BITSET:
        if (time != NULL)
            deadline = vtime_deadline(clock, time);
        return wait_on(address, value, deadline, bits, pc);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return wake_up(address, value, bits, pc);
    default:
        verdict_unsupported("futex operation %d", command);
    }
}
