#include "mutex.h"

#include <errno.h>

#include "memory.h"
#include "model.h"
#include "trace.h"
#include "vtime.h"

enum { KIND_MASK = 3, ROBUST_BIT = 16, SHARED_BIT = 128, KNOWN_BITS = 0x1ff };

static bool looks_initialised(const pthread_mutex_t *mutex)
{
    const unsigned kind = (unsigned)mutex->__data.__kind;
    return (kind & ~(unsigned)KNOWN_BITS) == 0 && mutex->__data.__lock == 0 && mutex->__data.__owner == 0;
}

static void read_type(struct sync *sync, const pthread_mutex_t *mutex)
{
    const int kind = mutex->__data.__kind;
    sync->recursive = (kind & KIND_MASK) == PTHREAD_MUTEX_RECURSIVE;
    sync->errorcheck = (kind & KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK;
    sync->robust = kind & ROBUST_BIT;
    sync->between = kind & SHARED_BIT;
    sync->initialised = true;
}

struct sync *mutex_find(pthread_mutex_t *mutex, uintptr_t pc)
{
    struct sync *sync = sync_find(mutex, SYNC_MUTEX, pc);
    if (sync->initialised)
        return sync;
    if (!looks_initialised(mutex))
        sync_misuse(pc, "this mutex was never initialised");
    read_type(sync, mutex);
    return sync;
}

bool mutex_is_free(void *mutex)
{
    return ((struct sync *)mutex)->owner == NOBODY;
}

static int take(struct sync *sync, uintptr_t pc)
{
    sync->owner = thread_self()->id;
    sync->pc = pc;
    sync->count = 1;
    thread_self()->held++;
    schedule_acquire(&sync->clock);
    schedule_changed();
    if (sync->broken) {
        sync->owner = NOBODY;
        thread_self()->held--;
        return ENOTRECOVERABLE;
    }
    if (!sync->owner_died)
        return 0;
    return EOWNERDEAD;
}

int mutex_lock(struct sync *sync, uint64_t deadline, uintptr_t pc)
{
    const struct wait wait = {mutex_is_free, sync, deadline, false};
    const struct operation operation = {.object = sync->address, .words = "lock a mutex", .pc = pc};
    if (sync->owner == thread_self()->id && (sync->recursive || sync->errorcheck)) {
        schedule_point(operation, NULL);
        if (sync->errorcheck)
            return EDEADLK;
        sync->count++;
        return 0;
    }
    if (schedule_point(operation, &wait) == WAKE_TIMEOUT) {
        trace_lock(sync->address, pc, "time is over, does not get the mutex");
        return ETIMEDOUT;
    }
    if (sync->destroyed)
        sync_misuse(pc, "this mutex was destroyed while a thread waited for it");
    trace_lock(sync->address, pc, "takes the mutex");
    return take(sync, pc);
}

int mutex_try(struct sync *sync, uintptr_t pc)
{
    schedule_point((struct operation){.object = sync->address, .words = "try to lock a mutex", .pc = pc}, NULL);
    if (sync->owner == thread_self()->id && sync->recursive) {
        sync->count++;
        return 0;
    }
    if (sync->owner != NOBODY) {
        trace_lock(sync->address, pc, "tries the mutex: busy");
        schedule_looked(pc, 1);
        return EBUSY;
    }
    trace_lock(sync->address, pc, "takes the mutex");
    return take(sync, pc);
}

int mutex_unlock(struct sync *sync, uintptr_t pc)
{
    schedule_point((struct operation){.object = sync->address, .words = "unlock a mutex", .pc = pc}, NULL);
    if (sync->owner != thread_self()->id && (sync->errorcheck || sync->recursive || sync->robust))
        return EPERM;
    if (sync->owner == NOBODY)
        sync_misuse(pc, "unlock of a mutex that is not locked");
    if (sync->owner != thread_self()->id)
        sync_misuse(pc, "unlock of a mutex that another thread (%d) holds", sync->owner);
    if (--sync->count > 0)
        return 0;
    trace_lock(sync->address, pc, "gives the mutex back");
    if (sync->owner_died) {
        sync->owner_died = false;
        sync->broken = true; /* nobody said pthread_mutex_consistent */
    }
    mutex_drop(sync);
    return 0;
}

unsigned mutex_drop(struct sync *sync)
{
    const unsigned count = sync->count;
    sync->owner = NOBODY;
    thread_self()->held--;
    schedule_release(&sync->clock);
    schedule_changed();
    return count;
}

void mutex_retake(struct sync *sync, unsigned count, uintptr_t pc)
{
    take(sync, pc);
    sync->count = count;
}

MODEL(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes))
{
    struct sync *sync = sync_renew(mutex, SYNC_MUTEX, PC);
    if (attributes != NULL)
        memory_access((uintptr_t)attributes, sizeof *attributes, ACCESS_READ, PC);
    const int error = pthread_mutex_init(mutex, attributes);
    read_type(sync, mutex);
    return error;
}

MODEL(int, pthread_mutex_destroy, (pthread_mutex_t * mutex))
{
    struct sync *sync = mutex_find(mutex, PC);
    schedule_point((struct operation){.object = sync->address, .words = "destroy a mutex", .pc = PC}, NULL);
    if (sync->owner != NOBODY)
        sync_destroyed_locked(sync, PC);
    sync_destroy(sync, sizeof *mutex, PC);
    return 0;
}

MODEL(int, pthread_mutex_lock, (pthread_mutex_t * mutex))
{
    return mutex_lock(mutex_find(mutex, PC), NEVER, PC);
}

MODEL(int, pthread_mutex_trylock, (pthread_mutex_t * mutex))
{
    return mutex_try(mutex_find(mutex, PC), PC);
}

MODEL(int, pthread_mutex_unlock, (pthread_mutex_t * mutex))
{
    return mutex_unlock(mutex_find(mutex, PC), PC);
}

MODEL(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec *until))
{
    return mutex_lock(mutex_find(mutex, PC), vtime_deadline(CLOCK_REALTIME, until), PC);
}

MODEL(int, pthread_mutex_clocklock, (pthread_mutex_t * mutex, clockid_t clock, const struct timespec *until))
{
    return mutex_lock(mutex_find(mutex, PC), vtime_deadline(clock, until), PC);
}

MODEL(int, pthread_mutex_consistent, (pthread_mutex_t * mutex))
{
    struct sync *sync = mutex_find(mutex, PC);
    if (!sync->robust || !sync->owner_died || sync->owner != thread_self()->id)
        return EINVAL;
    sync->owner_died = false;
    return 0;
}
