/* expect: right; schedules NOT_RUN | a group that cannot be completed is cancelled: its threads sleep at the gate in pthread_cond_wait, with a cleanup handler;
 * the event has one condition variable for those who wait for ever and one for those who wait for a time */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t patient;
    pthread_cond_t hurried; /* on the monotonic clock */
    size_t n_patient, n_hurried;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    pthread_condattr_t attr;
    if (pthread_mutex_init(&e->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&e->patient, NULL) != 0)
        goto no_patient;
    if (pthread_condattr_init(&attr) != 0)
        goto no_attr;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 || pthread_cond_init(&e->hurried, &attr) != 0)
        goto no_hurried;
    pthread_condattr_destroy(&attr);
    return e;
no_hurried:
    pthread_condattr_destroy(&attr);
no_attr:
    pthread_cond_destroy(&e->patient);
no_patient:
    pthread_mutex_destroy(&e->lock);
no_lock:
    free(e);
    return NULL;
}

void event_free(struct event *e)
{
    if (e) {
        pthread_cond_destroy(&e->hurried);
        pthread_cond_destroy(&e->patient);
        pthread_mutex_destroy(&e->lock);
        free(e);
    }
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->set = true;
    if (e->n_patient)
        pthread_cond_broadcast(&e->patient);
    if (e->n_hurried)
        pthread_cond_broadcast(&e->hurried);
    pthread_mutex_unlock(&e->lock);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->set = false;
    pthread_mutex_unlock(&e->lock);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    bool set = e->set;
    pthread_mutex_unlock(&e->lock);
    return set;
}

static void leave_patient(void *p)
{
    struct event *e = p;
    e->n_patient--;
    pthread_mutex_unlock(&e->lock);
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->n_patient++;
    pthread_cleanup_push(leave_patient, e);
    while (!e->set)
        pthread_cond_wait(&e->patient, &e->lock);
    pthread_cleanup_pop(1);
}

static void leave_hurried(void *p)
{
    struct event *e = p;
    e->n_hurried--;
    pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    if (milliseconds == 0)
        return event_is_set(e);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long long ns = t.tv_nsec + milliseconds * 1000000LL;
    t.tv_sec += (time_t)(ns / 1000000000LL);
    t.tv_nsec = (long)(ns % 1000000000LL);
    volatile bool set = false;
    pthread_mutex_lock(&e->lock);
    e->n_hurried++;
    pthread_cleanup_push(leave_hurried, e);
    int err = 0;
    while (!e->set && err != ETIMEDOUT)
        err = pthread_cond_timedwait(&e->hurried, &e->lock, &t);
    set = e->set;
    pthread_cleanup_pop(1);
    return set;
}

struct task {
    struct event_tasks *group;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    struct task task[];
};

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *g = task->group;
    int old;
    pthread_mutex_lock(&g->lock);
    pthread_cleanup_push(unlock, &g->lock);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock); /* here the thread is cancelled if the group is given up */
    pthread_cleanup_pop(1);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    event_wait(g->event);
    pthread_setcancelstate(old, &old);
    g->run(g->arg, (size_t)(task - g->task));
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g + n * sizeof g->task[0]);
    if (!g)
        return NULL;
    *g = (struct event_tasks){.event = event, .run = run, .arg = arg, .n = n};
    if (pthread_mutex_init(&g->lock, NULL) != 0) {
        free(g);
        return NULL;
    }
    if (pthread_cond_init(&g->opened, NULL) != 0) {
        pthread_mutex_destroy(&g->lock);
        free(g);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        g->task[i].group = g;
        if (pthread_create(&g->task[i].thread, NULL, task_main, &g->task[i]) != 0) {
            for (size_t k = 0; k < i; k++)
                pthread_cancel(g->task[k].thread);
            g->n = i;
            event_tasks_join(g);
            return NULL;
        }
    }
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->task[i].thread, NULL);
    pthread_cond_destroy(&g->opened);
    pthread_mutex_destroy(&g->lock);
    free(g);
}
