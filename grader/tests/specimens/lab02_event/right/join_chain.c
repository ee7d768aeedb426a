/* expect: right | each thread of a group joins the one before it, and the group only the last */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LOCK(x) pthread_mutex_lock(&(x)->mutex)
#define UNLOCK(x) pthread_mutex_unlock(&(x)->mutex)

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int state; /* 0 or 1 */
};

struct event *
event_create(void)
{
    struct event *e = malloc(sizeof *e);

    if (e) {
        e->state = 0;
        if (pthread_mutex_init(&e->mutex, NULL)) {
            free(e);
            e = NULL;
        } else if (pthread_cond_init(&e->cond, NULL)) {
            pthread_mutex_destroy(&e->mutex);
            free(e);
            e = NULL;
        }
    }
    return e;
}

void
event_free(struct event *e)
{
    if (e) {
        pthread_cond_destroy(&e->cond);
        pthread_mutex_destroy(&e->mutex);
        free(e);
    }
}

void
event_set(struct event *e)
{
    LOCK(e);
    e->state = 1;
    pthread_cond_signal(&e->cond); /* the one that wakes up wakes the next */
    UNLOCK(e);
}

void
event_clear(struct event *e)
{
    LOCK(e);
    e->state = 0;
    UNLOCK(e);
}

bool
event_is_set(struct event *e)
{
    LOCK(e);
    int s = e->state;
    UNLOCK(e);
    return s;
}

/*
 * Whoever leaves with the event set passes the signal on, however it came to leave (also on a time-out,
 * for the signal may have been spent on just this thread). If the event was cleared in between, the chain ends,
 * and the next event_set begins a new one: a signal that a thread gets and that leaves it waiting is not needed by
 * anyone, as the event is not set then.
 */
static bool
wait_until(struct event *e, const struct timespec *end)
{
    int rc = 0;

    LOCK(e);
    while (!e->state && rc != ETIMEDOUT)
        rc = end ? pthread_cond_clockwait(&e->cond, &e->mutex, CLOCK_MONOTONIC, end)
                 : pthread_cond_wait(&e->cond, &e->mutex);
    bool came = e->state;
    if (came)
        pthread_cond_signal(&e->cond);
    UNLOCK(e);
    return came;
}

void
event_wait(struct event *e)
{
    wait_until(e, NULL);
}

bool
event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    return wait_until(e, &end);
}

struct link {
    struct event_tasks *group;
    pthread_t before; /* the thread of the link before this one, if there is one */
};

struct event_tasks {
    pthread_mutex_t mutex; /* held by event_tasks_start until `run` is final */
    struct event *event;
    event_task *run;       /* NULL: the group did not come about */
    void *arg;
    size_t n;
    pthread_t last;
    struct link link[64];
};

static void *
be_a_link(void *p)
{
    struct link *l = p;
    struct event_tasks *g = l->group;
    size_t index = (size_t)(l - g->link);
    event_task *run;

    LOCK(g);
    run = g->run;
    UNLOCK(g);
    if (run) {
        event_wait(g->event);
        run(g->arg, index);
    }
    if (index > 0)
        pthread_join(l->before, NULL);
    return NULL;
}

struct event_tasks *
event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g);

    if (!g)
        return NULL;
    if (pthread_mutex_init(&g->mutex, NULL)) {
        free(g);
        return NULL;
    }
    LOCK(g);
    g->event = event;
    g->run = run;
    g->arg = arg;
    for (g->n = 0; g->n < n; g->n++) {
        struct link *l = &g->link[g->n];
        pthread_t created;

        l->group = g;
        if (g->n > 0)
            l->before = g->last;
        if (pthread_create(&created, NULL, be_a_link, l)) {
            g->run = NULL;
            break;
        }
        g->last = created;
    }
    bool complete = g->n == n;
    UNLOCK(g);
    if (!complete) {
        event_tasks_join(g);
        return NULL;
    }
    return g;
}

void
event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    if (g->n > 0)
        pthread_join(g->last, NULL);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}
