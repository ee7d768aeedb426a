/* expect: right | each group has a doorman, one thread more, who waits for the event and then lets all in at a semaphore; indexes go by arrival */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "event.h"

struct event {
    pthread_mutex_t mx;
    pthread_cond_t  cv;
    bool            up;
};

struct event_tasks {
    struct event  *event;
    event_task    *run;
    void          *arg;
    size_t         n;
    sem_t          door;
    bool           closed;        /* written before the posts that let the threads see it */
    atomic_size_t  next_index;
    pthread_t      doorman;
    pthread_t      crew[64];
};

struct event *event_create(void) {
    struct event *ev = malloc(sizeof(struct event));
    if (!ev) return NULL;
    ev->up = false;

    pthread_condattr_t ca;
    if (pthread_condattr_init(&ca)) goto no_attr;
    if (pthread_condattr_setclock(&ca, CLOCK_MONOTONIC)) goto no_cond;
    if (pthread_cond_init(&ev->cv, &ca)) goto no_cond;
    if (pthread_mutex_init(&ev->mx, NULL)) goto no_mutex;
    pthread_condattr_destroy(&ca);
    return ev;

no_mutex:
    pthread_cond_destroy(&ev->cv);
no_cond:
    pthread_condattr_destroy(&ca);
no_attr:
    free(ev);
    return NULL;
}

void event_free(struct event *ev) {
    if (ev) {
        pthread_mutex_destroy(&ev->mx);
        pthread_cond_destroy(&ev->cv);
        free(ev);
    }
}

static void put(struct event *ev, bool up) {
    pthread_mutex_lock(&ev->mx);
    if (ev->up != up) {
        ev->up = up;
        if (up) pthread_cond_broadcast(&ev->cv);
    }
    pthread_mutex_unlock(&ev->mx);
}

void event_set(struct event *ev)   { put(ev, true); }
void event_clear(struct event *ev) { put(ev, false); }

/* until == NULL: without a limit */
static bool sleep_on(struct event *ev, const struct timespec *until) {
    int rc = 0;
    pthread_mutex_lock(&ev->mx);
    while (!ev->up && rc != ETIMEDOUT)
        rc = until ? pthread_cond_timedwait(&ev->cv, &ev->mx, until)
                   : pthread_cond_wait(&ev->cv, &ev->mx);
    bool up = ev->up;
    pthread_mutex_unlock(&ev->mx);
    return up;
}

bool event_is_set(struct event *ev) {
    pthread_mutex_lock(&ev->mx);
    bool up = ev->up;
    pthread_mutex_unlock(&ev->mx);
    return up;
}

void event_wait(struct event *ev) { (void)sleep_on(ev, NULL); }

bool event_wait_for(struct event *ev, unsigned ms) {
    if (ms == 0) return event_is_set(ev);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long long ns = t.tv_nsec + (long long)ms * 1000000LL;
    t.tv_sec += (time_t)(ns / 1000000000LL);
    t.tv_nsec = (long)(ns % 1000000000LL);
    return sleep_on(ev, &t);
}

/* ---- tasks ---- */

static void *crew_member(void *p) {
    struct event_tasks *ts = p;
    while (sem_wait(&ts->door) != 0) { /* a signal: wait on */ }
    if (!ts->closed)
        ts->run(ts->arg, atomic_fetch_add(&ts->next_index, 1));
    return NULL;
}

static void *doorman(void *p) {
    struct event_tasks *ts = p;
    event_wait(ts->event);
    for (size_t i = 0; i < ts->n; i++) sem_post(&ts->door);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg) {
    struct event_tasks *ts = malloc(sizeof *ts);
    if (!ts) return NULL;
    ts->event = event; ts->run = run; ts->arg = arg; ts->n = n;
    ts->closed = false;
    atomic_init(&ts->next_index, 0);
    if (sem_init(&ts->door, 0, 0)) { free(ts); return NULL; }
    if (n == 0) return ts;                       /* nobody to let in, no doorman */

    size_t k = 0;
    while (k < n && pthread_create(&ts->crew[k], NULL, crew_member, ts) == 0) k++;
    /* the doorman comes last: before him nobody gets in */
    if (k == n && pthread_create(&ts->doorman, NULL, doorman, ts) == 0) return ts;

    ts->closed = true;
    for (size_t i = 0; i < k; i++) sem_post(&ts->door);
    for (size_t i = 0; i < k; i++) pthread_join(ts->crew[i], NULL);
    sem_destroy(&ts->door);
    free(ts);
    return NULL;
}

void event_tasks_join(struct event_tasks *ts) {
    if (!ts) return;
    if (ts->n > 0) pthread_join(ts->doorman, NULL);
    for (size_t i = 0; i < ts->n; i++) pthread_join(ts->crew[i], NULL);
    sem_destroy(&ts->door);
    free(ts);
}
