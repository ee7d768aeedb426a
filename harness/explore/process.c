#include "process.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "family.h"
#include "heap.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

static struct process_state state;
static unsigned random_state = 1;
static int argument_count;
static char **arguments;

extern int x_main(int count, char **values, char **environment); /* the program's main, renamed */

void process_reset(void)
{
    state.count = 0;
    state.fork_count = 0;
    random_state = 1;
}

struct process_state process_get_state(void)
{
    return state;
}

void process_set_state(struct process_state new)
{
    state = new;
}

void process_arguments(int count, char **values)
{
    argument_count = count;
    arguments = values;
}

void process_main(void)
{
    extern char **environ;
    process_exit(x_main(argument_count, arguments, environ));
}

static void check_threads(void)
{
    for (int id = 1; id < schedule.count; id++)
        if (schedule.threads[id].process == 0 && !schedule.threads[id].detached && !schedule.threads[id].joined) {
            verdict_place(id, schedule.threads[id].created, "was started here, %s",
                          schedule.threads[id].alive ? "still runs" : "has ended");
            verdict_end(VERDICT_THREAD_LEAK, "the program ends without having joined or detached thread %d", id);
        }
}

static bool others_run(void)
{
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && schedule.threads[id].process == thread_self()->process &&
            id != thread_self()->id && !schedule.threads[id].timer)
            return true;
    return false;
}

static _Noreturn void end(int status)
{
    if (thread_self()->process != 0)
        family_end((status & 0xff) << 8);
    if ((status & 0xff) != 0)
        verdict_end(VERDICT_EXIT, "the program ends with status %d", status & 0xff);
    check_threads();
    family_check();
    if (!others_run())
        heap_check_leaks();
    verdict_end_silent(VERDICT_NONE);
}

void process_thread_ended(void)
{
    if (!others_run())
        end(0);
}

_Noreturn void process_exit(int status)
{
    if (others_run() || family_forked())
        schedule_point(family_ending(), NULL);
    const bool handled = state.count > 0;
    while (state.count > 0)
        state.handlers[--state.count]();
    if (handled && thread_self()->process != 0)
        schedule_point(family_ending(), NULL);
    end(status);
}

MODEL(_Noreturn void, exit, (int status))
{
    process_exit(status);
}

static _Noreturn void exit_at_once(int status)
{
    schedule_point(family_ending(), NULL);
    if (thread_self()->process != 0)
        family_end((status & 0xff) << 8);
    if ((status & 0xff) != 0)
        verdict_end(VERDICT_EXIT, "the program ends with status %d", status & 0xff);
    verdict_end_silent(VERDICT_NONE);
}

MODEL(_Noreturn void, _exit, (int status))
{
    exit_at_once(status);
}

MODEL(_Noreturn void, _Exit, (int status))
{
    exit_at_once(status);
}

MODEL(_Noreturn void, quick_exit, (int status))
{
    exit_at_once(status);
}

MODEL(int, atexit, (void (*handler)(void)))
{
    if (state.count == PROCESS_HANDLERS)
        return -1;
    state.handlers[state.count++] = handler;
    return 0;
}

MODEL(int, pthread_atfork, (void (*prepare)(void), void (*parent)(void), void (*child)(void)))
{
    if (state.fork_count == PROCESS_HANDLERS)
        return ENOMEM;
    state.forks[state.fork_count].prepare = prepare;
    state.forks[state.fork_count].parent = parent;
    state.forks[state.fork_count++].child = child;
    return 0;
}

void process_before_fork(void)
{
    for (int i = state.fork_count - 1; i >= 0; i--)
        if (state.forks[i].prepare != NULL)
            state.forks[i].prepare();
}

void process_after_fork(bool in_child)
{
    for (int i = 0; i < state.fork_count; i++) {
        void (*const handler)(void) = in_child ? state.forks[i].child : state.forks[i].parent;
        if (handler != NULL)
            handler();
    }
}

MODEL(_Noreturn void, abort, (void))
{
    verdict_place(thread_self()->id, PC, "aborts");
    verdict_end(VERDICT_CRASH, "the program calls abort");
}

MODEL(_Noreturn void, __assert_fail, (const char *expression, const char *file, unsigned line, const char *function))
{
    (void)file;
    trace_event(PC, "assertion fails");
    verdict_place(thread_self()->id, PC, "assertion fails");
    verdict_end(VERDICT_ASSERTION, "assertion `%s' fails in line %u, function %s", expression, line,
                function != NULL ? function : "?");
}

MODEL(_Noreturn void, scenario_failed, (const char *sentence))
{
    trace_event(PC, "this is not so");
    verdict_place(thread_self()->id, PC, "this is not so");
    verdict_end(VERDICT_ASSERTION, "%s", sentence);
}

MODEL(_Noreturn void, scenario_failed_at, (void *place, const char *sentence))
{
    trace_event(PC, "this is not so");
    verdict_place(thread_self()->id, PC, "this is not so");
    verdict_place(-1, (uintptr_t)place, "made here");
    verdict_end(VERDICT_ASSERTION, "%s", sentence);
}

MODEL(_Noreturn void, scenario_unsupported, (const char *what))
{
    verdict_unsupported("%s", what);
}

/* The same sequence in every run. */
static int next_random(void)
{
    random_state = random_state * 1103515245u + 12345u;
    return (int)(random_state >> 1);
}

MODEL(int, rand, (void))
{
    return next_random();
}

MODEL(long, random, (void))
{
    return next_random();
}

MODEL(void, srand, (unsigned seed))
{
    random_state = seed;
}

MODEL(void, srandom, (unsigned seed))
{
    random_state = seed;
}
