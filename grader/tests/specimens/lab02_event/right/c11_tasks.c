/* expect: right | tasks are C11 threads that a mtx_t holds back; the event is a recursive mutex and pthread_cond_clockwait */
#define _GNU_SOURCE
#include "event.h"
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

typedef struct event {
    bool flag;
    pthread_cond_t cond;
    pthread_mutex_t mutex; /* recursive: is_set is used by the others */
} event_t;

event_t *event_create(void)
{
    event_t *ev = malloc(sizeof *ev);
    if (ev == NULL)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&ev->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&ev->cond, NULL);
    ev->flag = false;
    return ev;
}

void event_free(event_t *ev)
{
    if (ev == NULL)
        return;
    pthread_cond_destroy(&ev->cond);
    pthread_mutex_destroy(&ev->mutex);
    free(ev);
}

bool event_is_set(event_t *ev)
{
    pthread_mutex_lock(&ev->mutex);
    bool flag = ev->flag;
    pthread_mutex_unlock(&ev->mutex);
    return flag;
}

void event_set(event_t *ev)
{
    pthread_mutex_lock(&ev->mutex);
    if (!event_is_set(ev)) {
        ev->flag = true;
        pthread_cond_broadcast(&ev->cond);
    }
    pthread_mutex_unlock(&ev->mutex);
}

void event_clear(event_t *ev)
{
    pthread_mutex_lock(&ev->mutex);
    if (event_is_set(ev))
        ev->flag = false;
    pthread_mutex_unlock(&ev->mutex);
}

void event_wait(event_t *ev)
{
    pthread_mutex_lock(&ev->mutex);
    while (!event_is_set(ev))
        pthread_cond_wait(&ev->cond, &ev->mutex);
    pthread_mutex_unlock(&ev->mutex);
}

bool event_wait_for(event_t *ev, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec > 999999999L)
        until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_mutex_lock(&ev->mutex);
    int err = 0;
    while (!event_is_set(ev) && err == 0)
        err = pthread_cond_clockwait(&ev->cond, &ev->mutex, CLOCK_MONOTONIC, &until);
    bool result = event_is_set(ev);
    pthread_mutex_unlock(&ev->mutex);
    return result;
}

typedef struct {
    struct event_tasks *home;
    size_t nr;
    thrd_t thrd;
} task_t;

struct event_tasks {
    event_t *ev;
    event_task *run;
    void *arg;
    mtx_t starting; /* held until it is known whether all could be started */
    bool broken;
    size_t n;
    task_t tasks[64];
};

static int task_start(void *p)
{
    task_t *t = p;
    mtx_lock(&t->home->starting);
    bool broken = t->home->broken;
    mtx_unlock(&t->home->starting);
    if (broken)
        return 1;
    event_wait(t->home->ev);
    t->home->run(t->home->arg, t->nr);
    return 0;
}

struct event_tasks *event_tasks_start(event_t *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *home = malloc(sizeof *home);
    if (home == NULL || mtx_init(&home->starting, mtx_plain) != thrd_success) {
        free(home);
        return NULL;
    }
    home->ev = ev;
    home->run = run;
    home->arg = arg;
    home->n = 0;
    mtx_lock(&home->starting);
    for (size_t i = 0; i < n; i++) {
        home->tasks[i].home = home;
        home->tasks[i].nr = i;
        if (thrd_create(&home->tasks[i].thrd, task_start, &home->tasks[i]) != thrd_success)
            break;
        home->n++;
    }
    bool broken = home->broken = home->n != n;
    mtx_unlock(&home->starting);
    if (broken) {
        event_tasks_join(home);
        return NULL;
    }
    return home;
}

void event_tasks_join(struct event_tasks *home)
{
    if (home == NULL)
        return;
    for (size_t i = 0; i < home->n; i++)
        thrd_join(home->tasks[i].thrd, NULL);
    mtx_destroy(&home->starting);
    free(home);
}
