/* cond.c: condition variables. */
#include <errno.h>
#include <pthread.h>

#include "arena.h"
#include "cond.h"
#include "memory.h"
#include "model.h"
#include "mutex.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

static bool may_return(void *argument)
{
    return ((struct waiter *)argument)->woken;
}

static void add_waiter(struct sync *cond, struct waiter *waiter)
{
    struct waiter **end = &cond->waiters;
    while (*end != NULL)
        end = &(*end)->next;
    *end = waiter;
}

static void remove_waiter(struct sync *cond, const struct waiter *waiter)
{
    for (struct waiter **at = &cond->waiters; *at != NULL; at = &(*at)->next)
        if (*at == waiter) {
            *at = waiter->next;
            return;
        }
}

static struct sync *cond_find(pthread_cond_t *cond, uintptr_t pc)
{
    struct sync *sync = sync_find(cond, SYNC_COND, pc);
    if (!sync->initialised) {
        const unsigned char *bytes = (const unsigned char *)cond;
        for (size_t i = 0; i < sizeof *cond; i++)
            if (bytes[i] != 0)
                sync_misuse(pc, "this condition variable was never initialised");
        sync->initialised = true;
    }
    return sync;
}

static void check_mutex(struct sync *cond, const struct sync *mutex, uintptr_t pc)
{
    if (mutex->owner != thread_self()->id)
        sync_misuse(pc, "a thread waits on a condition variable without holding the mutex");
    if (cond->waiters != NULL && cond->partner != mutex->address)
        sync_misuse(pc, "two threads wait on one condition variable with different mutexes");
    cond->partner = mutex->address;
}

static int wait_for(struct sync *cond, struct sync *mutex, uint64_t deadline, uintptr_t pc)
{
    struct waiter *waiter = arena_zero(sizeof *waiter);
    const struct operation leave = {
        .object = cond->address, .other = mutex->address, .words = "wait for a signal", .pc = pc};
    check_mutex(cond, mutex, pc);
    schedule_point(leave, NULL);
    check_mutex(cond, mutex, pc);
    waiter->thread = thread_self()->id;
    add_waiter(cond, waiter);
    const unsigned count = mutex_drop(mutex);
    trace_lock(mutex->address, pc, "waits, gives the mutex back");
    const struct wait wait = {may_return, waiter, deadline, true};
    const enum wake woken = schedule_point(leave, &wait);
    if (!waiter->woken)
        remove_waiter(cond, waiter);
    const struct wait again = {mutex_is_free, mutex, NEVER, false};
    schedule_point(
        (struct operation){.object = mutex->address, .words = "take the mutex again after waiting", .pc = pc}, &again);
    mutex_retake(mutex, count, pc);
    trace_lock(mutex->address, pc,
               woken == WAKE_READY     ? "wakes up, has the mutex"
               : woken == WAKE_TIMEOUT ? "wakes up, time is over"
                                       : "wakes up for no reason");
    return woken == WAKE_TIMEOUT ? ETIMEDOUT : 0;
}

static void wake_one(struct sync *cond)
{
    unsigned count = 0;
    for (const struct waiter *waiter = cond->waiters; waiter != NULL; waiter = waiter->next)
        count++;
    if (count == 0)
        return;
    unsigned nth = schedule_choose(count);
    struct waiter *waiter = cond->waiters;
    while (nth-- > 0)
        waiter = waiter->next;
    waiter->woken = true;
    remove_waiter(cond, waiter);
    schedule_changed();
}

void cond_signal(pthread_cond_t *address, bool all, uintptr_t pc)
{
    struct sync *cond = cond_find(address, pc);
    schedule_point((struct operation){.object = cond->address, .words = all ? "broadcast" : "signal", .pc = pc}, NULL);
    if (cond->destroyed)
        sync_misuse(pc, "this condition variable is used after it was destroyed");
    trace_event(pc, cond->waiters == NULL ? "%s: nobody waits" : "%s", all ? "broadcasts" : "signals");
    if (!all)
        wake_one(cond);
    while (all && cond->waiters != NULL) {
        cond->waiters->woken = true;
        cond->waiters = cond->waiters->next;
        schedule_changed();
    }
}

void cond_init(pthread_cond_t *address, bool monotonic, uintptr_t pc)
{
    const struct sync *sync = sync_renew(address, SYNC_COND, pc);
    ((struct sync *)sync)->monotonic = monotonic;
    *address = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

void cond_destroy(pthread_cond_t *address, uintptr_t pc)
{
    struct sync *cond = cond_find(address, pc);
    schedule_point((struct operation){.object = cond->address, .words = "destroy a condition variable", .pc = pc},
                   NULL);
    if (cond->waiters != NULL)
        sync_misuse(pc, "a condition variable is destroyed while a thread waits on it");
    sync_destroy(cond, sizeof *address, pc);
}

/* Fails at once, the mutex stays locked. */
static int invalid_time(struct sync *cond, uintptr_t pc)
{
    schedule_point((struct operation){.object = cond->address, .reads = true, .words = "wait for a signal", .pc = pc},
                   NULL);
    trace_event(pc, "does not wait: the time is not valid");
    schedule_looked(pc, EINVAL);
    return EINVAL;
}

int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const clockid_t *clock, const struct timespec *until,
              uintptr_t pc)
{
    struct sync *found = cond_find(cond, pc), *lock = mutex_find(mutex, pc);
    uint64_t deadline = NEVER;
    if (until != NULL && !vtime_is_valid(until))
        return invalid_time(found, pc);
    if (until != NULL)
        deadline = vtime_deadline(clock != NULL ? *clock : found->monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, until);
    return wait_for(found, lock, deadline, pc);
}

MODEL(int, pthread_cond_init, (pthread_cond_t * cond, const pthread_condattr_t *attributes))
{
    clockid_t clock = CLOCK_REALTIME;
    int between = PTHREAD_PROCESS_PRIVATE;
    if (attributes != NULL) {
        memory_access((uintptr_t)attributes, sizeof *attributes, ACCESS_READ, PC);
        pthread_condattr_getclock(attributes, &clock);
        pthread_condattr_getpshared(attributes, &between);
    }
    cond_init(cond, clock == CLOCK_MONOTONIC, PC);
    cond_find(cond, PC)->between = between == PTHREAD_PROCESS_SHARED;
    return 0;
}

MODEL(int, pthread_cond_destroy, (pthread_cond_t * cond))
{
    cond_destroy(cond, PC);
    return 0;
}

MODEL(int, pthread_cond_signal, (pthread_cond_t * cond))
{
    cond_signal(cond, false, PC);
    return 0;
}

MODEL(int, pthread_cond_broadcast, (pthread_cond_t * cond))
{
    cond_signal(cond, true, PC);
    return 0;
}

MODEL(int, pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex))
{
    return cond_wait(cond, mutex, NULL, NULL, PC);
}

MODEL(int, pthread_cond_timedwait, (pthread_cond_t * cond, pthread_mutex_t *mutex, const struct timespec *until))
{
    return cond_wait(cond, mutex, NULL, until, PC);
}

MODEL(int, pthread_cond_clockwait,
      (pthread_cond_t * cond, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until))
{
    return cond_wait(cond, mutex, &clock, until, PC);
}
