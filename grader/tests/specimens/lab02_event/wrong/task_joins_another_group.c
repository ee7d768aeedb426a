/* expect: tests tasks_run_after_the_event | event_tasks_join returns at once in every task, not only in the tasks of the group that is joined */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        free(event);
        return NULL;
    }
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&event->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (failed) {
        free(event);
        return NULL;
    }
    if (pthread_mutex_init(&event->mutex, NULL) != 0) {
        pthread_cond_destroy(&event->changed);
        free(event);
        return NULL;
    }
    event->set = false;
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = true;
    pthread_cond_broadcast(&event->changed);
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = false;
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    while (!event->set)
        pthread_cond_wait(&event->changed, &event->mutex);
    pthread_mutex_unlock(&event->mutex);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&event->mutex);
    while (!event->set) {
        if (pthread_cond_timedwait(&event->changed, &event->mutex, &end) == ETIMEDOUT)
            break;
    }
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

struct task {
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool complete;
    size_t n;
    struct task task[];
};

/* A task that joins its own group would wait for itself for ever. */
static _Thread_local bool in_task;

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *group = task->group;
    pthread_mutex_lock(&group->gate);
    bool complete = group->complete;
    pthread_mutex_unlock(&group->gate);
    if (!complete)
        return NULL;
    event_wait(group->event);
    in_task = true;
    group->run(group->arg, task->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group + n * sizeof group->task[0]);
    if (group == NULL)
        return NULL;
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    group->complete = false;
    group->n = 0;
    pthread_mutex_lock(&group->gate);
    while (group->n < n) {
        struct task *task = &group->task[group->n];
        task->group = group;
        task->index = group->n;
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            break;
        group->n++;
    }
    bool complete = group->n == n;
    group->complete = complete;
    pthread_mutex_unlock(&group->gate);
    if (!complete) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL || in_task)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->task[i].thread, NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
