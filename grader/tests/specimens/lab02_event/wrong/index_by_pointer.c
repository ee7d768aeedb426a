/* expect: tests exactly once; schedules data-race | hands each thread a pointer to the one loop variable */
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
};

struct event *event_create(void)
{
    pthread_condattr_t attr;
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->mutex, NULL);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_cond_broadcast(&e->cond);
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
        pthread_cond_wait(&e->cond, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
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

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec deadline = deadline_in(milliseconds);
    bool set;
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        if (pthread_cond_timedwait(&e->cond, &e->mutex, &deadline) != 0)
            break;
    set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t i, n; /* i: the task that is being started */
    pthread_t threads[64];
};

static void *go(void *p)
{
    struct event_tasks *t = p;
    event_wait(t->event);
    t->run(t->arg, t->i);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    t->n = n;
    for (t->i = 0; t->i < n; t->i++)
        if (pthread_create(&t->threads[t->i], NULL, go, t) != 0)
            return NULL;
    return t;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        pthread_join(t->threads[i], NULL);
    free(t);
}
