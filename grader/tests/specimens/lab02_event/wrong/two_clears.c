/* expect: schedules set_clear_and_look | event_clear looks and then stores: if another event_clear and a waiter come in between, the mark that somebody sleeps is wiped out and the next event_set wakes nobody */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while *word is `seen`, until woken or `end` (CLOCK_MONOTONIC, NULL: for ever). */
static long futex_sleep(atomic_uint *word, unsigned seen, const struct timespec *end)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, end, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake_all(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void end_after(struct timespec *end, unsigned milliseconds)
{
    clock_gettime(CLOCK_MONOTONIC, end);
    end->tv_sec += milliseconds / 1000;
    end->tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (end->tv_nsec >= 1000000000L) {
        end->tv_sec++;
        end->tv_nsec -= 1000000000L;
    }
}

enum { CLEAR, SET, AWAITED }; /* AWAITED: not set, and somebody may sleep */

struct event {
    atomic_uint state;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    atomic_init(&event->state, CLEAR);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    if (atomic_exchange(&event->state, SET) == AWAITED)
        futex_wake_all(&event->state);
}

void event_clear(struct event *event)
{
    if (atomic_load(&event->state) == SET)
        atomic_store(&event->state, CLEAR);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->state) == SET;
}

/* Whether the event is set; if not, marks it as awaited. */
static bool set_or_awaited(struct event *event)
{
    unsigned state = CLEAR;
    return !atomic_compare_exchange_strong(&event->state, &state, AWAITED) && state == SET;
}

void event_wait(struct event *event)
{
    while (!set_or_awaited(event))
        futex_sleep(&event->state, AWAITED, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    if (milliseconds == 0)
        return event_is_set(event);
    struct timespec end;
    end_after(&end, milliseconds);
    while (!set_or_awaited(event)) {
        if (futex_sleep(&event->state, AWAITED, &end) == -1 && errno == ETIMEDOUT)
            return event_is_set(event);
    }
    return true;
}

struct task {
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool complete;
    size_t n;
    struct task task[];
};

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *group = task->group;
    pthread_mutex_lock(&group->gate);
    bool complete = group->complete;
    pthread_mutex_unlock(&group->gate);
    if (!complete)
        return NULL;
    event_wait(group->event);
    group->run(group->arg, task->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group + n * sizeof group->task[0]);
    if (group == NULL)
        return NULL;
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    group->complete = false;
    group->n = 0;
    pthread_mutex_lock(&group->gate);
    while (group->n < n) {
        struct task *task = &group->task[group->n];
        task->group = group;
        task->index = group->n;
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            break;
        group->n++;
    }
    bool complete = group->n == n;
    group->complete = complete;
    pthread_mutex_unlock(&group->gate);
    if (!complete) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->task[i].thread, NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
