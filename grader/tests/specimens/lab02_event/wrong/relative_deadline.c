/* expect: tests early; schedules assertion | the moment until which it waits is the duration itself: long past */
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
} Event;

Event *event_create(void)
{
    Event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&event->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&event->cond, NULL);
    event->flag = false;
    return event;
}

void event_free(Event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->cond);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

bool event_is_set(Event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool flag = event->flag;
    pthread_mutex_unlock(&event->mutex);
    return flag;
}

void event_set(Event *event)
{
    pthread_mutex_lock(&event->mutex);
    if (!event_is_set(event)) {
        event->flag = true;
        pthread_cond_broadcast(&event->cond);
    }
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(Event *event)
{
    pthread_mutex_lock(&event->mutex);
    if (event_is_set(event))
        event->flag = false;
    pthread_mutex_unlock(&event->mutex);
}

void event_wait(Event *event)
{
    pthread_mutex_lock(&event->mutex);
    while (!event_is_set(event))
        pthread_cond_wait(&event->cond, &event->mutex);
    pthread_mutex_unlock(&event->mutex);
}

bool event_wait_for(Event *event, unsigned ms)
{
    struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    pthread_mutex_lock(&event->mutex);
    int err = 0;
    while (!event_is_set(event) && err == 0)
        err = pthread_cond_clockwait(&event->cond, &event->mutex, CLOCK_MONOTONIC, &limit);
    bool result = event_is_set(event);
    pthread_mutex_unlock(&event->mutex);
    return result;
}

typedef struct {
    struct event_tasks *group;
    size_t number;
    thrd_t thrd;
} task_t;

struct event_tasks {
    Event *event;
    event_task *run;
    void *arg;
    mtx_t starting; /* held limit it is known whether all could be started */
    bool broken;
    size_t n;
    task_t tasks[64];
};

static int task_start(void *p)
{
    task_t *t = p;
    mtx_lock(&t->group->starting);
    bool broken = t->group->broken;
    mtx_unlock(&t->group->starting);
    if (broken)
        return 1;
    event_wait(t->group->event);
    t->group->run(t->group->arg, t->number);
    return 0;
}

struct event_tasks *event_tasks_start(Event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group);
    if (group == NULL || mtx_init(&group->starting, mtx_plain) != thrd_success) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    group->n = 0;
    mtx_lock(&group->starting);
    for (size_t i = 0; i < n; i++) {
        group->tasks[i].group = group;
        group->tasks[i].number = i;
        if (thrd_create(&group->tasks[i].thrd, task_start, &group->tasks[i]) != thrd_success)
            break;
        group->n++;
    }
    bool broken = group->broken = group->n != n;
    mtx_unlock(&group->starting);
    if (broken) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->n; i++)
        thrd_join(group->tasks[i].thrd, NULL);
    mtx_destroy(&group->starting);
    free(group);
}
