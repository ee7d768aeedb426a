/* expect: schedules memory-leak | if the second of two blocks cannot be had, the first is forgotten */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(atomic_uint *word, int op, unsigned value, const struct timespec *time)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, time, NULL, FUTEX_BITSET_MATCH_ANY);
}

struct event {
    atomic_uint up;
};

struct event *event_create(void)
{
    return calloc(1, sizeof(struct event));
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    atomic_store(&event->up, 1);
    futex(&event->up, FUTEX_WAKE, INT_MAX, NULL);
}

void event_clear(struct event *event)
{
    atomic_store(&event->up, 0);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->up) != 0;
}

void event_wait(struct event *event)
{
    while (!event_is_set(event))
        futex(&event->up, FUTEX_WAIT_BITSET, 0, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    if (until.tv_nsec > 999999999L)
        until = (struct timespec){until.tv_sec + 1, until.tv_nsec - 1000000000L};
    while (!event_is_set(event))
        if (futex(&event->up, FUTEX_WAIT_BITSET, 0, &until) != 0 && errno == ETIMEDOUT)
            return event_is_set(event);
    return true;
}

struct event_tasks {
    sem_t start;
    atomic_size_t next;
    atomic_bool called_off;
    struct event *ev;
    event_task *run;
    void *arg;
    size_t n;
    pthread_t *ids;
};

static void *work(void *arg)
{
    struct event_tasks *t = arg;
    while (sem_wait(&t->start) != 0)
        ;
    if (atomic_load(&t->called_off))
        return NULL;
    size_t index = atomic_fetch_add(&t->next, 1);
    event_wait(t->ev);
    t->run(t->arg, index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof(struct event_tasks));
    if (t == NULL)
        return NULL;
    t->ids = calloc(n + 1, sizeof(pthread_t));
    if (t->ids == NULL)
        return NULL;
    t->ev = ev;
    t->run = run;
    t->arg = arg;
    sem_init(&t->start, 0, 0);
    while (t->n < n && pthread_create(&t->ids[t->n], NULL, work, t) == 0)
        t->n++;
    if (t->n < n)
        atomic_store(&t->called_off, true);
    for (size_t i = 0; i < t->n; i++)
        sem_post(&t->start);
    if (t->n == n)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        pthread_join(t->ids[i], NULL);
    sem_destroy(&t->start);
    free(t->ids);
    free(t);
}
