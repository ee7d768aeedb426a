/* futex.c: syscall(2), as far as programs that build locks of their own use it. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

static long fail(int error)
{
    errno = error;
    return -1;
}

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
        return fail(EAGAIN);
    }
    struct waiter *waiter = arena_zero(sizeof *waiter), **end = &futex->waiters;
    while (*end != NULL)
        end = &(*end)->next;
    *end = waiter;
    const struct wait wait = {is_woken, waiter, deadline, true};
    trace_event(pc, "waits on the futex");
    const enum wake woken = schedule_point(operation, &wait);
    if (!waiter->woken)
        take_out(futex, waiter);
    if (woken == WAKE_TIMEOUT)
        return fail(ETIMEDOUT);
    return woken == WAKE_SPURIOUS ? fail(EINTR) : 0;
}

static long wake_up(int *address, int most, uintptr_t pc)
{
    struct sync *futex = sync_find(address, SYNC_FUTEX, pc);
    long done = 0;
    schedule_point((struct operation){.object = (uintptr_t)address, .words = "wake on a futex", .pc = pc}, NULL);
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

static long futex(int *address, int operation, int value, const struct timespec *time, uintptr_t pc)
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

MODEL(long, syscall, (long number, ...))
{
    va_list arguments;
    if (number == SYS_gettid)
        return 1000 + thread_self()->id;
    if (number != SYS_futex)
        verdict_unsupported("system call number %ld", number);
    va_start(arguments, number);
    int *address = va_arg(arguments, int *);
    const int operation = va_arg(arguments, int), value = va_arg(arguments, int);
    const struct timespec *time = va_arg(arguments, const struct timespec *);
    va_end(arguments);
    return futex(address, operation, value, time, PC);
}

MODEL(int, gettid, (void))
{
    return 1000 + thread_self()->id;
}
