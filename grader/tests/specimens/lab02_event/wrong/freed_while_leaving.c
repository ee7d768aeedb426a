/* expect: schedules misuse | detached threads count down; whoever joins frees the group while the last is still unlocking it */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int set;
} event;

typedef struct event_tasks {
    pthread_mutex_t mutex;   /* protects all below */
    pthread_cond_t cond;     /* alive or phase has changed */
    size_t alive;
    size_t next;
    enum { STARTING, RUNNING, FAILED } phase;
    event *event;
    event_task *run;
    void *arg;
} event_tasks;

static void cond_init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

event *event_create(void)
{
    event *e = malloc(sizeof *e);
    if (e) {
        e->set = 0;
        pthread_mutex_init(&e->mutex, NULL);
        cond_init_monotonic(&e->cond);
    }
    return e;
}

void event_free(event *e)
{
    if (!e)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = 1;
    pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = 0;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(event *e)
{
    int set;
    pthread_mutex_lock(&e->mutex);
    set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

void event_wait(event *e)
{
    pthread_mutex_lock(&e->mutex);
    while (e->set == 0)
        pthread_cond_wait(&e->cond, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

bool event_wait_for(event *e, unsigned milliseconds)
{
    struct timespec at;
    int set;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000 + (at.tv_nsec / 1000000 + milliseconds % 1000) / 1000;
    at.tv_nsec = (at.tv_nsec + milliseconds % 1000 * 1000000L) % 1000000000L;
    pthread_mutex_lock(&e->mutex);
    while (e->set == 0 && pthread_cond_timedwait(&e->cond, &e->mutex, &at) != ETIMEDOUT)
        ;
    set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

static void *detached(void *p)
{
    event_tasks *g = p;
    pthread_mutex_lock(&g->mutex);
    size_t index = g->next++;
    while (g->phase == STARTING)
        pthread_cond_wait(&g->cond, &g->mutex);
    int go = g->phase == RUNNING;
    pthread_mutex_unlock(&g->mutex);

    if (go) {
        event_wait(g->event);
        g->run(g->arg, index);
    }

    pthread_mutex_lock(&g->mutex);
    g->alive--;
    pthread_mutex_unlock(&g->mutex);
    pthread_cond_broadcast(&g->cond); /* after the unlock: the woken thread finds the lock free */
    return NULL;
}

event_tasks *event_tasks_start(event *e, size_t n, event_task *run, void *arg)
{
    pthread_attr_t attr;
    event_tasks *g = calloc(1, sizeof *g);
    size_t i;
    if (!g)
        return NULL;
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->cond, NULL);
    g->event = e;
    g->run = run;
    g->arg = arg;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_mutex_lock(&g->mutex);
    for (i = 0; i < n; i++) {
        pthread_t unused;
        if (pthread_create(&unused, &attr, detached, g) != 0)
            break;
        g->alive++;
    }
    g->phase = i == n ? RUNNING : FAILED;
    pthread_cond_broadcast(&g->cond);
    pthread_mutex_unlock(&g->mutex);
    pthread_attr_destroy(&attr);
    if (i == n)
        return g;
    event_tasks_join(g);
    return NULL;
}

void event_tasks_join(event_tasks *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&g->mutex);
    while (g->alive > 0)
        pthread_cond_wait(&g->cond, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    pthread_cond_destroy(&g->cond);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}
