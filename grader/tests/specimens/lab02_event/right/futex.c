/* expect: right | one atomic word and the futex system call */
#define _GNU_SOURCE 1
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct event {
    atomic_int state; /* 0: not set, 1: set */
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e != NULL)
        atomic_init(&e->state, 0);
    return e;
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    if (atomic_exchange(&e->state, 1) == 0)
        syscall(SYS_futex, &e->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *e)
{
    atomic_store(&e->state, 0);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->state) == 1;
}

void event_wait(struct event *e)
{
    while (atomic_load(&e->state) == 0)
        syscall(SYS_futex, &e->state, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static struct timespec deadline_in(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec += 1;
    }
    return t;
}

/* FUTEX_WAIT_BITSET takes a moment, not a length of time, and counts on the monotonic clock. */
bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec deadline = deadline_in(milliseconds);
    while (atomic_load(&e->state) == 0) {
        long result =
            syscall(SYS_futex, &e->state, FUTEX_WAIT_BITSET_PRIVATE, 0, &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
        if (result == -1 && errno == ETIMEDOUT)
            return atomic_load(&e->state) == 1;
    }
    return true; /* it was set when we looked; a second look might find it cleared, with time left */
}

/* The starter and its threads agree by a second word of the same kind: 0 until it is known, then 1 to run, 2 to leave. */
struct event_tasks {
    atomic_int verdict;
    atomic_size_t indices;
    struct event *event;
    event_task *run;
    void *arg;
    size_t threads;
    pthread_t ids[64];
};

static void *obey(void *argument)
{
    struct event_tasks *tasks = argument;
    int verdict;
    while ((verdict = atomic_load(&tasks->verdict)) == 0)
        syscall(SYS_futex, &tasks->verdict, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    if (verdict == 1) {
        const size_t index = atomic_fetch_add(&tasks->indices, 1);
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    while (tasks->threads < n && pthread_create(&tasks->ids[tasks->threads], NULL, obey, tasks) == 0)
        tasks->threads++;
    const bool all = tasks->threads == n;
    atomic_store(&tasks->verdict, all ? 1 : 2);
    syscall(SYS_futex, &tasks->verdict, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    if (all)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    for (size_t i = 0; tasks != NULL && i < tasks->threads; i++)
        pthread_join(tasks->ids[i], NULL);
    free(tasks);
}
