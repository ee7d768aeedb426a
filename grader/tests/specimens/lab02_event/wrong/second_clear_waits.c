/* expect: schedules set_clear_and_look | event_clear lets the released waiters leave first; of two at once the second goes on waiting for those who came after the first, until somebody sets the event */
#define _POSIX_C_SOURCE 200809L
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;       /* set now */
    pthread_cond_t empty;      /* nobody is inside a wait */
    bool set;
    unsigned inside;
};

struct event *event_create(void)
{
    struct event *event = calloc(1, sizeof *event);
    pthread_condattr_t attr;

    if (event == NULL)
        return NULL;
    if (pthread_condattr_init(&attr) != 0)
        goto no_attr;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (pthread_cond_init(&event->cond, &attr) != 0)
        goto no_cond;
    if (pthread_cond_init(&event->empty, NULL) != 0)
        goto no_empty;
    if (pthread_mutex_init(&event->mutex, NULL) != 0)
        goto no_mutex;
    pthread_condattr_destroy(&attr);
    return event;
no_mutex:
    pthread_cond_destroy(&event->empty);
no_empty:
    pthread_cond_destroy(&event->cond);
no_cond:
    pthread_condattr_destroy(&attr);
no_attr:
    free(event);
    return NULL;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->empty);
    pthread_cond_destroy(&event->cond);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = true;
    pthread_cond_broadcast(&event->cond);
    pthread_mutex_unlock(&event->mutex);
}

/* So that nobody who was released finds it cleared again. */
void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    if (event->set) {
        while (event->inside > 0)
            pthread_cond_wait(&event->empty, &event->mutex);
        event->set = false;
    }
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

static void leave(struct event *event)
{
    if (--event->inside == 0)
        pthread_cond_broadcast(&event->empty);
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->inside++;
    while (!event->set)
        pthread_cond_wait(&event->cond, &event->mutex);
    leave(event);
    pthread_mutex_unlock(&event->mutex);
}

static struct timespec moment_in(unsigned milliseconds)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until = moment_in(milliseconds);
    int err = 0;

    pthread_mutex_lock(&event->mutex);
    event->inside++;
    while (!event->set && err == 0)
        err = pthread_cond_timedwait(&event->cond, &event->mutex, &until);
    bool set = event->set;
    leave(event);
    pthread_mutex_unlock(&event->mutex);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;     /* held by event_tasks_start until it knows */
    bool complete;
    size_t n;
    struct task_slot {
        struct event_tasks *tasks;
        size_t index;
        pthread_t thread;
    } slot[64];
};

static void *task_main(void *p)
{
    struct task_slot *s = p;
    struct event_tasks *t = s->tasks;

    pthread_mutex_lock(&t->gate);
    bool go = t->complete;
    pthread_mutex_unlock(&t->gate);
    if (go) {
        event_wait(t->event);
        t->run(t->arg, s->index);
    }
    return NULL;
}

static void finish(struct event_tasks *t, size_t started)
{
    for (size_t i = 0; i < started; i++)
        pthread_join(t->slot[i].thread, NULL);
    pthread_mutex_destroy(&t->gate);
    free(t);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    size_t i;

    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    t->n = n;
    if (pthread_mutex_init(&t->gate, NULL) != 0) {
        free(t);
        return NULL;
    }
    pthread_mutex_lock(&t->gate);
    for (i = 0; i < n; i++) {
        t->slot[i].tasks = t;
        t->slot[i].index = i;
        if (pthread_create(&t->slot[i].thread, NULL, task_main, &t->slot[i]) != 0)
            break;
    }
    t->complete = i == n;
    pthread_mutex_unlock(&t->gate);
    if (i < n) {
        finish(t, i);
        return NULL;
    }
    return t;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks != NULL)
        finish(tasks, tasks->n);
}
