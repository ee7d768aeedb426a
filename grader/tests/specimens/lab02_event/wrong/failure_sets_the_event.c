/* expect: schedules starting_is_no_set | when a thread cannot be started, the others are woken by setting the event for a moment */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, &attr);
    pthread_condattr_destroy(&attr);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = false;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        pthread_cond_wait(&e->changed, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    int rc = 0;
    pthread_mutex_lock(&e->mutex);
    while (!e->set && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&e->changed, &e->mutex, &end);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    atomic_int state; /* 0: being started, 1: go, 2: cancelled */
    atomic_size_t index;
    size_t n;
    pthread_t thread[64];
    pthread_mutex_t m;
};

static void *task(void *p)
{
    struct event_tasks *t = p;
    event_wait(t->event);
    pthread_mutex_lock(&t->m); /* until all are started */
    pthread_mutex_unlock(&t->m);
    if (atomic_load(&t->state) == 1)
        t->run(t->arg, atomic_fetch_add(&t->index, 1));
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    pthread_mutex_init(&t->m, NULL);
    pthread_mutex_lock(&t->m);
    for (; t->n < n; t->n++)
        if (pthread_create(&t->thread[t->n], NULL, task, t) != 0)
            break;
    atomic_store(&t->state, t->n == n ? 1 : 2);
    pthread_mutex_unlock(&t->m);
    if (t->n == n)
        return t;
    bool was_set = event_is_set(event);
    event_set(event); /* wakes them, they see that they are not needed */
    event_tasks_join(t);
    if (!was_set)
        event_clear(event);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        pthread_join(t->thread[i], NULL);
    pthread_mutex_destroy(&t->m);
    free(t);
}
