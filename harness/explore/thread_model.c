/* thread_model.c: pthread_create and its family; the C11 ones are in c11.c. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#include "memory.h"
#include "model.h"
#include "process.h"
#include "sync.h"
#include "thread_model.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

int threads_create(void *(*start)(void *), void *argument, bool detached, unsigned long *into, uintptr_t pc)
{
    if (thread_self()->starts_left == 0) {
        trace_event(pc, "cannot start a thread");
        return EAGAIN;
    }
    thread_self()->starts_left--;
    if (thread_self()->start_missed > 0 && --thread_self()->start_missed == 0) {
        trace_event(pc, "cannot start a thread");
        return EAGAIN;
    }
    if (into != NULL) {
        memory_access((uintptr_t)into, sizeof *into, ACCESS_WRITE, pc);
        *into = (unsigned long)schedule.count + 1;
    }
    struct thread *thread = schedule_create(start, argument);
    thread->operation.pc = thread->created = pc;
    thread->detached = detached;
    trace_event(pc, "starts thread %d", thread->id);
    return 0;
}

static struct thread *find(unsigned long handle, const char *what, uintptr_t pc)
{
    if (handle == 0 || handle > (unsigned long)schedule.count)
        sync_misuse(pc, "%s: there is no such thread", what);
    return &schedule.threads[handle - 1];
}

static bool has_ended(void *argument)
{
    return !((struct thread *)argument)->alive;
}

static void check_joinable(const struct thread *thread, const char *what, uintptr_t pc)
{
    if (thread->joined)
        sync_misuse(pc, "%s of a thread that was joined already", what);
    if (thread->detached)
        sync_misuse(pc, "%s of a detached thread", what);
}

int threads_join(unsigned long handle, void **result, bool wait_for_it, uint64_t deadline, uintptr_t pc)
{
    struct thread *thread = find(handle, "join", pc);
    check_joinable(thread, "join", pc);
    if (thread == thread_self())
        return EDEADLK;
    const struct wait wait = {has_ended, thread, deadline, false};
    const struct operation operation = {.object = (uintptr_t)thread, .words = "join a thread", .pc = pc};
    if (schedule_point(operation, wait_for_it ? &wait : NULL) == WAKE_TIMEOUT)
        return ETIMEDOUT;
    if (thread->alive) {
        schedule_looked(pc, 0);
        return EBUSY;
    }
    check_joinable(thread, "join", pc);
    thread->joined = true;
    schedule_acquire(&thread->clock);
    trace_event(pc, "joins thread %d", thread->id);
    if (result != NULL) {
        memory_access((uintptr_t)result, sizeof *result, ACCESS_WRITE, pc);
        *result = thread->result;
    }
    return 0;
}

int threads_detach(unsigned long handle, uintptr_t pc)
{
    struct thread *thread = find(handle, "detach", pc);
    check_joinable(thread, "detach", pc);
    thread->detached = true;
    return 0;
}

MODEL(int, pthread_create, (pthread_t * into, const pthread_attr_t *attributes, void *(*start)(void *), void *argument))
{
    int state = PTHREAD_CREATE_JOINABLE;
    if (attributes != NULL)
        pthread_attr_getdetachstate(attributes, &state);
    return threads_create(start, argument, state == PTHREAD_CREATE_DETACHED, into, PC);
}

MODEL(int, pthread_join, (pthread_t thread, void **result))
{
    return threads_join(thread, result, true, NEVER, PC);
}

MODEL(int, pthread_tryjoin_np, (pthread_t thread, void **result))
{
    return threads_join(thread, result, false, NEVER, PC);
}

/* Without a time (NULL) they wait as pthread_join does. */
static int join_until(pthread_t thread, void **result, clockid_t clock, const struct timespec *until, uintptr_t pc)
{
    return threads_join(thread, result, true, until != NULL ? vtime_deadline(clock, until) : NEVER, pc);
}

MODEL(int, pthread_timedjoin_np, (pthread_t thread, void **result, const struct timespec *until))
{
    return join_until(thread, result, CLOCK_REALTIME, until, PC);
}

MODEL(int, pthread_clockjoin_np, (pthread_t thread, void **result, clockid_t clock, const struct timespec *until))
{
    return join_until(thread, result, clock, until, PC);
}

MODEL(int, pthread_detach, (pthread_t thread))
{
    return threads_detach(thread, PC);
}

MODEL(pthread_t, pthread_self, (void))
{
    return (pthread_t)thread_self()->id + 1;
}

MODEL(int, pthread_equal, (pthread_t one, pthread_t other))
{
    return one == other;
}

/* Cleanup handlers: pthread_cleanup_push saves where it stands, as by setjmp, and registers that; an ending thread goes
 * there once for each, innermost first, runs the handler and comes back by __pthread_unwind_next. */
enum { OUTER, DEPTH }; /* in __pad */

MODEL(void, __pthread_register_cancel, (__pthread_unwind_buf_t * saved))
{
    struct thread *self = thread_self();
    saved->__pad[OUTER] = self->cleanup;
    saved->__pad[DEPTH] = (void *)(uintptr_t)self->depth;
    self->cleanup = saved;
}

MODEL(void, __pthread_unregister_cancel, (__pthread_unwind_buf_t * saved))
{
    thread_self()->cleanup = saved->__pad[OUTER];
}

static _Noreturn void unwind(void)
{
    struct thread *self = thread_self();
    __pthread_unwind_buf_t *const saved = self->cleanup;
    if (saved == NULL)
        schedule_finish(self->result);
    self->cleanup = saved->__pad[OUTER];
    self->depth = (unsigned)(uintptr_t)saved->__pad[DEPTH];
    jmp_buf place = {0}; /* of which pthread.h has the beginning only, without the signal mask */
    memcpy(place, saved->__cancel_jmp_buf, sizeof saved->__cancel_jmp_buf);
    _longjmp(place, 1);
}

MODEL(_Noreturn void, __pthread_unwind_next, (__pthread_unwind_buf_t * saved))
{
    (void)saved;
    unwind();
}

_Noreturn void threads_exit(void *result)
{
    thread_self()->result = result;
    unwind();
}

MODEL(_Noreturn void, pthread_exit, (void *result))
{
    threads_exit(result);
}

void *threads_result(unsigned long handle)
{
    return handle > 0 && handle <= (unsigned long)schedule.count ? schedule.threads[handle - 1].result : NULL;
}

MODEL(int, pthread_setname_np, (pthread_t thread, const char *name))
{
    (void)thread;
    memory_access((uintptr_t)name, strlen(name) + 1, ACCESS_READ, PC);
    return 0;
}

MODEL(void, scenario_limit_threads, (unsigned more))
{
    thread_self()->starts_left = more;
}

MODEL(void, scenario_miss_thread, (unsigned which))
{
    thread_self()->start_missed = which;
}

MODEL(void, scenario_one_order, (void))
{
    schedule.one_order = true;
    trace_on(false); /* so many steps show nothing */
}

MODEL(int, scenario_count_threads, (void))
{
    int count = 0;
    schedule_point((struct operation){.all = true, .words = "count the threads", .pc = PC}, NULL);
    for (int id = 0; id < schedule.count; id++) {
        const struct thread *thread = &schedule.threads[id];
        count += thread->alive && !thread->timer && thread->process == thread_self()->process;
    }
    return count;
}
