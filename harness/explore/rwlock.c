/* rwlock.c: read-write locks and spin locks. */
#include <errno.h>
#include <pthread.h>

#include "model.h"
#include "sync.h"
#include "trace.h"
#include "vtime.h"

static bool no_writer(void *argument)
{
    return ((struct sync *)argument)->owner == NOBODY;
}

static bool nobody(void *argument)
{
    const struct sync *lock = argument;
    return lock->owner == NOBODY && lock->count == 0;
}

static struct sync *find(pthread_rwlock_t *lock, uintptr_t pc)
{
    struct sync *sync = sync_find(lock, SYNC_RWLOCK, pc);
    if (!sync->initialised && (lock->__data.__readers != 0 || lock->__data.__cur_writer != 0))
        sync_misuse(pc, "this read-write lock was never initialised");
    sync->initialised = true;
    return sync;
}

static int lock_read(struct sync *lock, uint64_t deadline, uintptr_t pc)
{
    const struct wait wait = {no_writer, lock, deadline, false};
    struct thread *self = thread_self();
    if (lock->owner == self->id)
        return EDEADLK;
    if (schedule_point((struct operation){.object = lock->address, .words = "lock for reading", .pc = pc}, &wait) ==
        WAKE_TIMEOUT) {
        trace_lock(lock->address, pc, "time is over, does not get the rwlock");
        return ETIMEDOUT;
    }
    lock->count++;
    lock->reading[self->id]++;
    lock->pc = pc;
    self->held++;
    schedule_acquire(&lock->clock);
    schedule_changed();
    trace_lock(lock->address, pc, "locks the rwlock for reading");
    return 0;
}

static int lock_write(struct sync *lock, uint64_t deadline, uintptr_t pc)
{
    const struct wait wait = {nobody, lock, deadline, false};
    struct thread *self = thread_self();
    if (lock->owner == self->id)
        return EDEADLK;
    if (schedule_point((struct operation){.object = lock->address, .words = "lock for writing", .pc = pc}, &wait) ==
        WAKE_TIMEOUT) {
        trace_lock(lock->address, pc, "time is over, does not get the rwlock");
        return ETIMEDOUT;
    }
    lock->owner = self->id;
    lock->pc = pc;
    self->held++;
    schedule_acquire(&lock->clock);
    schedule_acquire(&lock->readers);
    schedule_changed();
    trace_lock(lock->address, pc, "locks the rwlock for writing");
    return 0;
}

static int try(struct sync *lock, bool writes, uintptr_t pc)
{
    schedule_point((struct operation){.object = lock->address, .words = "try to lock", .pc = pc}, NULL);
    if (writes ? !nobody(lock) : !no_writer(lock)) {
        schedule_looked(pc, 1);
        return EBUSY;
    }
    return writes ? lock_write(lock, NEVER, pc) : lock_read(lock, NEVER, pc);
}

static int unlock(struct sync *lock, uintptr_t pc)
{
    struct thread *self = thread_self();
    schedule_point((struct operation){.object = lock->address, .words = "unlock", .pc = pc}, NULL);
    if (lock->owner == self->id) {
        lock->owner = NOBODY;
        schedule_release(&lock->clock);
    } else if (lock->reading[self->id] > 0) {
        lock->reading[self->id]--;
        lock->count--;
        schedule_release(&lock->readers);
    } else {
        sync_misuse(pc, "unlock of a read-write lock that this thread does not hold");
    }
    self->held--;
    schedule_changed();
    trace_lock(lock->address, pc, "unlocks the rwlock");
    return 0;
}

MODEL(int, pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t *attributes))
{
    int between = PTHREAD_PROCESS_PRIVATE;
    if (attributes != NULL)
        pthread_rwlockattr_getpshared(attributes, &between);
    sync_renew(lock, SYNC_RWLOCK, PC)->between = between == PTHREAD_PROCESS_SHARED;
    return pthread_rwlock_init(lock, attributes);
}

MODEL(int, pthread_rwlock_destroy, (pthread_rwlock_t * lock))
{
    struct sync *sync = find(lock, PC);
    schedule_point((struct operation){.object = sync->address, .words = "destroy a read-write lock", .pc = PC}, NULL);
    if (!nobody(sync))
        sync_destroyed_locked(sync, PC);
    sync_destroy(sync, sizeof *lock, PC);
    return 0;
}

MODEL(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock))
{
    return lock_read(find(lock, PC), NEVER, PC);
}

MODEL(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock))
{
    return lock_write(find(lock, PC), NEVER, PC);
}

MODEL(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock))
{
    return try(find(lock, PC), false, PC);
}

MODEL(int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock))
{
    return try(find(lock, PC), true, PC);
}

MODEL(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const struct timespec *until))
{
    return lock_read(find(lock, PC), vtime_deadline(CLOCK_REALTIME, until), PC);
}

MODEL(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const struct timespec *until))
{
    return lock_write(find(lock, PC), vtime_deadline(CLOCK_REALTIME, until), PC);
}

MODEL(int, pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until))
{
    return lock_read(find(lock, PC), vtime_deadline(clock, until), PC);
}

MODEL(int, pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until))
{
    return lock_write(find(lock, PC), vtime_deadline(clock, until), PC);
}

MODEL(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock))
{
    return unlock(find(lock, PC), PC);
}

static struct sync *find_spin(pthread_spinlock_t *lock, uintptr_t pc)
{
    struct sync *sync = sync_find((const void *)lock, SYNC_SPIN, pc);
    if (!sync->initialised)
        sync_misuse(pc, "this spin lock was never initialised");
    return sync;
}

static int take_spin(struct sync *lock, uintptr_t pc)
{
    lock->owner = thread_self()->id;
    lock->pc = pc;
    thread_self()->held++;
    schedule_acquire(&lock->clock);
    schedule_changed();
    trace_lock(lock->address, pc, "takes the spin lock");
    return 0;
}

MODEL(int, pthread_spin_init, (pthread_spinlock_t * lock, int shared))
{
    sync_renew((const void *)lock, SYNC_SPIN, PC)->between = shared == PTHREAD_PROCESS_SHARED;
    *lock = 1;
    return 0;
}

MODEL(int, pthread_spin_destroy, (pthread_spinlock_t * lock))
{
    struct sync *sync = find_spin(lock, PC);
    if (sync->owner != NOBODY)
        sync_destroyed_locked(sync, PC);
    sync_destroy(sync, sizeof *lock, PC);
    return 0;
}

MODEL(int, pthread_spin_lock, (pthread_spinlock_t * lock))
{
    struct sync *sync = find_spin(lock, PC);
    const struct wait wait = {no_writer, sync, NEVER, false};
    schedule_point((struct operation){.object = sync->address, .words = "lock a spin lock", .pc = PC}, &wait);
    return take_spin(sync, PC);
}

MODEL(int, pthread_spin_trylock, (pthread_spinlock_t * lock))
{
    struct sync *sync = find_spin(lock, PC);
    schedule_point((struct operation){.object = sync->address, .words = "try a spin lock", .pc = PC}, NULL);
    if (sync->owner == NOBODY)
        return take_spin(sync, PC);
    schedule_looked(PC, 1);
    return EBUSY;
}

MODEL(int, pthread_spin_unlock, (pthread_spinlock_t * lock))
{
    struct sync *sync = find_spin(lock, PC);
    schedule_point((struct operation){.object = sync->address, .words = "unlock a spin lock", .pc = PC}, NULL);
    if (sync->owner != thread_self()->id)
        sync_misuse(PC, "unlock of a spin lock that this thread does not hold");
    sync->owner = NOBODY;
    thread_self()->held--;
    schedule_release(&sync->clock);
    schedule_changed();
    trace_lock(sync->address, PC, "gives the spin lock back");
    return 0;
}
