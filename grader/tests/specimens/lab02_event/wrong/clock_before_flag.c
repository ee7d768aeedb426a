/* expect: tests set_in_time_beats_the_time_out | a timed wait that is woken looks at the clock before the flag */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "event.h"

#include <errno.h>
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
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    event->set = false;
    if (pthread_mutex_init(&event->mutex, NULL) == 0) {
        pthread_condattr_t attr;
        if (pthread_condattr_init(&attr) == 0) {
            pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
            int rc = pthread_cond_init(&event->cond, &attr);
            pthread_condattr_destroy(&attr);
            if (rc == 0)
                return event;
        }
        pthread_mutex_destroy(&event->mutex);
    }
    free(event);
    return NULL;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
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
        pthread_cond_wait(&event->cond, &event->mutex);
    pthread_mutex_unlock(&event->mutex);
}

static struct timespec in_ms(unsigned milliseconds)
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

static bool is_over(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end = in_ms(milliseconds);
    pthread_mutex_lock(&event->mutex);
    while (!event->set) {
        pthread_cond_timedwait(&event->cond, &event->mutex, &end);
        if (is_over(&end)) {
            pthread_mutex_unlock(&event->mutex);
            return false;
        }
    }
    pthread_mutex_unlock(&event->mutex);
    return true;
}

struct event_tasks {
    pthread_mutex_t gate;
    bool complete;
    size_t count;
    struct event *event;
    event_task *run;
    void *arg;
    struct task {
        struct event_tasks *group;
        size_t index;
        pthread_t thread;
    } task[64];
};

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *group = task->group;
    pthread_mutex_lock(&group->gate);
    bool complete = group->complete;
    pthread_mutex_unlock(&group->gate);
    if (complete) {
        event_wait(group->event);
        group->run(group->arg, task->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    pthread_mutex_lock(&group->gate);
    while (group->count < n) {
        struct task *task = &group->task[group->count];
        task->group = group;
        task->index = group->count;
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            break;
        group->count++;
    }
    bool complete = group->complete = group->count == n;
    pthread_mutex_unlock(&group->gate);
    if (complete)
        return group;
    event_tasks_join(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        pthread_join(tasks->task[i].thread, NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
