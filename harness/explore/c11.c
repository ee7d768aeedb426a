/* c11.c: C11 threads, mutexes and condition variables, by way of the pthread ones (glibc gives them the same layout).
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <threads.h>

#include "arena.h"
#include "cond.h"
#include "model.h"
#include "mutex.h"
#include "thread_model.h"
#include "vtime.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t is a pthread_cond_t");

static int result_of(int error)
{
    if (error == 0)
        return thrd_success;
    if (error == EBUSY)
        return thrd_busy;
    return error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

struct start {
    thrd_start_t function;
    void *argument;
};

static void *run(void *argument)
{
    const struct start *start = argument;
    return (void *)(intptr_t)start->function(start->argument);
}

MODEL(int, thrd_create, (thrd_t * into, thrd_start_t function, void *argument))
{
    struct start *start = arena_take(sizeof *start);
    *start = (struct start){function, argument};
    return result_of(threads_create(run, start, false, into, PC));
}

MODEL(int, thrd_join, (thrd_t thread, int *result))
{
    void *value;
    const int error = threads_join(thread, NULL, true, NEVER, PC);
    value = threads_result(thread);
    if (result != NULL)
        *result = (int)(intptr_t)value;
    return result_of(error);
}

MODEL(int, thrd_detach, (thrd_t thread))
{
    return result_of(threads_detach(thread, PC));
}

MODEL(thrd_t, thrd_current, (void))
{
    return (thrd_t)thread_self()->id + 1;
}

MODEL(int, thrd_equal, (thrd_t one, thrd_t other))
{
    return one == other;
}

MODEL(_Noreturn void, thrd_exit, (int result))
{
    threads_exit((void *)(intptr_t)result);
}

MODEL(int, mtx_init, (mtx_t * mutex, int type))
{
    struct sync *sync = sync_renew(mutex, SYNC_MUTEX, PC);
    memset(mutex, 0, sizeof *mutex);
    sync->recursive = type & mtx_recursive;
    return thrd_success;
}

MODEL(void, mtx_destroy, (mtx_t * mutex))
{
    struct sync *sync = mutex_find((pthread_mutex_t *)mutex, PC);
    schedule_point((struct operation){.object = sync->address, .words = "destroy a mutex", .pc = PC}, NULL);
    if (sync->owner != NOBODY)
        sync_destroyed_locked(sync, PC);
    sync_destroy(sync, sizeof *mutex, PC);
}

MODEL(int, mtx_lock, (mtx_t * mutex))
{
    return result_of(mutex_lock(mutex_find((pthread_mutex_t *)mutex, PC), NEVER, PC));
}

MODEL(int, mtx_trylock, (mtx_t * mutex))
{
    return result_of(mutex_try(mutex_find((pthread_mutex_t *)mutex, PC), PC));
}

MODEL(int, mtx_timedlock, (mtx_t * mutex, const struct timespec *until))
{
    return result_of(mutex_lock(mutex_find((pthread_mutex_t *)mutex, PC), vtime_deadline(CLOCK_REALTIME, until), PC));
}

MODEL(int, mtx_unlock, (mtx_t * mutex))
{
    return result_of(mutex_unlock(mutex_find((pthread_mutex_t *)mutex, PC), PC));
}

MODEL(int, cnd_init, (cnd_t * cond))
{
    cond_init((pthread_cond_t *)cond, false, PC);
    return thrd_success;
}

MODEL(void, cnd_destroy, (cnd_t * cond))
{
    cond_destroy((pthread_cond_t *)cond, PC);
}

MODEL(int, cnd_signal, (cnd_t * cond))
{
    cond_signal((pthread_cond_t *)cond, false, PC);
    return thrd_success;
}

MODEL(int, cnd_broadcast, (cnd_t * cond))
{
    cond_signal((pthread_cond_t *)cond, true, PC);
    return thrd_success;
}

MODEL(int, cnd_wait, (cnd_t * cond, mtx_t *mutex))
{
    return result_of(cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, NULL, NULL, PC));
}

MODEL(int, cnd_timedwait, (cnd_t * cond, mtx_t *mutex, const struct timespec *until))
{
    return result_of(cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, NULL, until, PC));
}
