/* expect: schedules data-race; races race | sets under the lock, clears without it */
#define _GNU_SOURCE
#include "event.h"
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct event { bool set; pthread_mutex_t mu; pthread_cond_t cv; };

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (e) {
        if (pthread_mutex_init(&e->mu, NULL) != 0) goto no_mutex;
        if (pthread_cond_init(&e->cv, NULL) != 0) goto no_cond;
    }
    return e;
no_cond:
    pthread_mutex_destroy(&e->mu);
no_mutex:
    free(e);
    return NULL;
}

void event_free(struct event *e)
{
    if (e) {
        pthread_cond_destroy(&e->cv);
        pthread_mutex_destroy(&e->mu);
    }
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mu);
    if (!e->set) {
        e->set = true;
        pthread_cond_broadcast(&e->cv);
    }
    pthread_mutex_unlock(&e->mu);
}

void event_clear(struct event *e)
{
    e->set = false; /* wakes nobody, so what should the lock be for? */
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mu);
    const bool set = e->set;
    pthread_mutex_unlock(&e->mu);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->mu);
    do {
        if (e->set)
            break;
        pthread_cond_wait(&e->cv, &e->mu);
    } while (true);
    pthread_mutex_unlock(&e->mu);
}

static struct timespec after(unsigned ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    for (; ms >= 1000; ms -= 1000 * (ms / 1000))
        ts.tv_sec += ms / 1000;
    if ((ts.tv_nsec += 1000000L * ms) >= 1000000000L)
        ts.tv_nsec -= 1000000000L, ts.tv_sec += 1;
    return ts;
}

bool event_wait_for(struct event *e, unsigned ms)
{
    const struct timespec end = after(ms);
    pthread_mutex_lock(&e->mu);
    while (!e->set)
        if (pthread_cond_clockwait(&e->cv, &e->mu, CLOCK_MONOTONIC, &end))
            break;
    const bool set = e->set;
    pthread_mutex_unlock(&e->mu);
    return set;
}

struct event_tasks {
    struct event *e;
    event_task *f;
    void *x;
    size_t made, next;
    mtx_t mtx; /* for the two below, and for next */
    cnd_t cnd;
    int verdict; /* 0: not known yet, 1: all are there, -1: go home */
    thrd_t *t;
};

static int body(void *p)
{
    struct event_tasks *ts = p;
    mtx_lock(&ts->mtx);
    size_t i = ts->next++;
    while (ts->verdict == 0)
        cnd_wait(&ts->cnd, &ts->mtx);
    int verdict = ts->verdict;
    mtx_unlock(&ts->mtx);
    if (verdict > 0) {
        event_wait(ts->e);
        ts->f(ts->x, i);
    }
    return verdict;
}

static void join_and_free(struct event_tasks *ts)
{
    for (size_t i = 0; i < ts->made; i++)
        thrd_join(ts->t[i], NULL);
    cnd_destroy(&ts->cnd);
    mtx_destroy(&ts->mtx);
    free(ts->t);
    free(ts);
}

struct event_tasks *event_tasks_start(struct event *e, size_t n, event_task *f, void *x)
{
    struct event_tasks *ts = calloc(1, sizeof *ts);
    if (!ts)
        return NULL;
    mtx_init(&ts->mtx, mtx_plain);
    cnd_init(&ts->cnd);
    ts->e = e, ts->f = f, ts->x = x;
    ts->t = malloc((n + 1) * sizeof(thrd_t));
    if (ts->t)
        while (ts->made < n && thrd_create(ts->t + ts->made, body, ts) == thrd_success)
            ts->made++;
    mtx_lock(&ts->mtx);
    ts->verdict = ts->t && ts->made == n ? 1 : -1;
    cnd_broadcast(&ts->cnd);
    mtx_unlock(&ts->mtx);
    if (ts->t && ts->made == n)
        return ts;
    join_and_free(ts);
    return NULL;
}

void event_tasks_join(struct event_tasks *ts)
{
    if (ts)
        join_and_free(ts);
}
