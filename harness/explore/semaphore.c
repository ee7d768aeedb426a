/* semaphore.c: semaphores and barriers. */
#include "semaphore_model.h"

#include <limits.h>
#include <pthread.h>

#include "arena.h"
#include "handlers.h"
#include "memory.h"
#include "model.h"
#include "sync.h"
#include "trace.h"
#include "vtime.h"

static struct sync *find(sem_t *semaphore, uintptr_t pc)
{
    struct sync *sync = sync_find(semaphore, SYNC_SEMAPHORE, pc);
    if (!sync->initialised)
        sync_misuse(pc, "this semaphore was never initialised");
    return sync;
}

static bool positive(void *argument)
{
    return ((struct sync *)argument)->count > 0;
}

static int take(struct sync *semaphore, uintptr_t pc)
{
    semaphore->count--;
    schedule_acquire(&semaphore->clock);
    schedule_changed();
    trace_lock(semaphore->address, pc, "passes the semaphore, %u left", semaphore->count);
    return 0;
}

static int wait_until(struct sync *semaphore, uint64_t deadline, uintptr_t pc)
{
    const struct wait wait = {positive, semaphore, deadline, false};
    const struct operation operation = {.object = semaphore->address,
                                        .interrupt = deadline == NEVER ? INTERRUPT_RESTARTS : INTERRUPT_FAILS,
                                        .words = "wait for a semaphore",
                                        .pc = pc};
    const enum wake woken = schedule_point(operation, &wait);
    if (woken == WAKE_TIMEOUT)
        trace_lock(semaphore->address, pc, "time is over, does not pass the semaphore");
    if (woken == WAKE_TIMEOUT || woken == WAKE_INTERRUPTED)
        return model_fail(woken == WAKE_TIMEOUT ? ETIMEDOUT : EINTR);
    if (semaphore->destroyed)
        sync_misuse(pc, "this semaphore was destroyed while a thread waited for it");
    return take(semaphore, pc);
}

void semaphore_set(sem_t *semaphore, unsigned value, uintptr_t pc)
{
    struct sync *sync = sync_renew(semaphore, SYNC_SEMAPHORE, pc);
    sync->count = value;
    sync->between = true;
}

MODEL(int, sem_init, (sem_t * semaphore, int shared, unsigned value))
{
    if (value > SEM_VALUE_MAX)
        return model_fail(EINVAL);
    struct sync *sync = sync_renew(semaphore, SYNC_SEMAPHORE, PC);
    sync->count = value;
    sync->between = shared != 0;
    return 0;
}

MODEL(int, sem_destroy, (sem_t * semaphore))
{
    struct sync *sync = find(semaphore, PC);
    schedule_point((struct operation){.object = sync->address, .words = "destroy a semaphore", .pc = PC}, NULL);
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && id != thread_self()->id &&
            schedule.threads[id].operation.object == sync->address && !positive(sync) &&
            schedule.threads[id].wait.ready == positive)
            sync_misuse(PC, "a semaphore is destroyed while a thread waits for it");
    sync_destroy(sync, sizeof *semaphore, PC);
    return 0;
}

MODEL(int, sem_wait, (sem_t * semaphore))
{
    handlers_forbid("sem_wait");
    return wait_until(find(semaphore, PC), NEVER, PC);
}

MODEL(int, sem_timedwait, (sem_t * semaphore, const struct timespec *until))
{
    handlers_forbid("sem_timedwait");
    return wait_until(find(semaphore, PC), vtime_deadline(CLOCK_REALTIME, until), PC);
}

MODEL(int, sem_clockwait, (sem_t * semaphore, clockid_t clock, const struct timespec *until))
{
    handlers_forbid("sem_clockwait");
    return wait_until(find(semaphore, PC), vtime_deadline(clock, until), PC);
}

MODEL(int, sem_trywait, (sem_t * semaphore))
{
    struct sync *sync = find(semaphore, PC);
    schedule_point((struct operation){.object = sync->address, .words = "try a semaphore", .pc = PC}, NULL);
    if (positive(sync))
        return take(sync, PC);
    schedule_looked(PC, 0);
    return model_fail(EAGAIN);
}

MODEL(int, sem_post, (sem_t * semaphore))
{
    struct sync *sync = find(semaphore, PC);
    schedule_point((struct operation){.object = sync->address, .words = "post a semaphore", .pc = PC}, NULL);
    if (sync->destroyed)
        sync_misuse(PC, "this semaphore is used after it was destroyed");
    if (sync->count == SEM_VALUE_MAX)
        return model_fail(EOVERFLOW);
    sync->count++;
    schedule_release(&sync->clock);
    schedule_changed();
    trace_lock(sync->address, PC, "posts the semaphore, now %u", sync->count);
    return 0;
}

MODEL(int, sem_getvalue, (sem_t * semaphore, int *value))
{
    struct sync *sync = find(semaphore, PC);
    schedule_point((struct operation){.object = sync->address, .words = "read a semaphore", .reads = true, .pc = PC},
                   NULL);
    memory_access((uintptr_t)value, sizeof *value, ACCESS_WRITE, PC);
    *value = (int)sync->count;
    schedule_looked(PC, sync->count);
    return 0;
}

struct arrival {
    struct sync *barrier;
    unsigned round;
};

static bool round_over(void *argument)
{
    const struct arrival *arrival = argument;
    return arrival->barrier->round != arrival->round;
}

static struct sync *find_barrier(pthread_barrier_t *barrier, uintptr_t pc)
{
    struct sync *sync = sync_find(barrier, SYNC_BARRIER, pc);
    if (!sync->initialised)
        sync_misuse(pc, "this barrier was never initialised");
    return sync;
}

MODEL(int, pthread_barrier_init, (pthread_barrier_t * barrier, const pthread_barrierattr_t *attributes, unsigned count))
{
    int between = PTHREAD_PROCESS_PRIVATE;
    if (attributes != NULL)
        pthread_barrierattr_getpshared(attributes, &between);
    if (count == 0)
        return EINVAL;
    struct sync *sync = sync_renew(barrier, SYNC_BARRIER, PC);
    sync->limit = count;
    sync->between = between == PTHREAD_PROCESS_SHARED;
    return 0;
}

MODEL(int, pthread_barrier_destroy, (pthread_barrier_t * barrier))
{
    struct sync *sync = find_barrier(barrier, PC);
    schedule_point((struct operation){.object = sync->address, .words = "destroy a barrier", .pc = PC}, NULL);
    if (sync->count > 0)
        sync_misuse(PC, "a barrier is destroyed while a thread waits at it");
    sync->destroyed = true; /* POSIX lets whoever was let through destroy it at once */
    sync->size = 0;
    memory_access(sync->address, 1, ACCESS_WRITE | ACCESS_ATOMIC, PC);
    return 0;
}

MODEL(int, pthread_barrier_wait, (pthread_barrier_t * barrier))
{
    struct sync *sync = find_barrier(barrier, PC);
    const struct operation operation = {.object = sync->address, .words = "wait at a barrier", .pc = PC};
    schedule_point(operation, NULL);
    schedule_release(&sync->readers);
    trace_event(PC, "arrives at the barrier");
    struct arrival *arrival = arena_take(sizeof *arrival);
    *arrival = (struct arrival){sync, sync->round};
    if (++sync->count == sync->limit) {
        sync->count = 0;
        sync->round++;
        clock_copy(&sync->clock, &sync->readers);
        schedule_acquire(&sync->clock);
        schedule_changed();
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    const struct wait wait = {round_over, arrival, NEVER, false};
    schedule_point(operation, &wait);
    schedule_acquire(&sync->clock);
    return 0;
}
