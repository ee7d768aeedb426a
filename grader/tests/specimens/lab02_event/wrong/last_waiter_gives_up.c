/* expect: tests set_wakes_every_waiter | when the last of several waiters gives up, the end of the queue still points to it: the next waiter is hung onto a waiter that is gone and is never woken */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Each waiter sleeps on a condition variable of its own: nobody is woken who need not be. */
struct waiter {
    pthread_cond_t go;
    bool released;
    struct waiter *next;
};

struct event {
    pthread_mutex_t mutex;
    bool set;
    struct waiter *first;
    struct waiter *last;
};

static void waiter_init(struct waiter *waiter)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&waiter->go, &attr);
    pthread_condattr_destroy(&attr);
    waiter->released = false;
    waiter->next = NULL;
}

/* Both with the mutex held. */
static void append(struct event *event, struct waiter *waiter)
{
    if (event->first == NULL)
        event->first = waiter;
    else
        event->last->next = waiter;
    event->last = waiter;
}

static void take_out(struct event *event, struct waiter *waiter)
{
    struct waiter **link = &event->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    if (pthread_mutex_init(&event->mutex, NULL) != 0) {
        free(event);
        return NULL;
    }
    event->set = false;
    event->first = event->last = NULL;
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = true;
    for (struct waiter *waiter = event->first; waiter != NULL; waiter = waiter->next) {
        waiter->released = true;
        pthread_cond_signal(&waiter->go);
    }
    event->first = event->last = NULL;
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
    if (!event->set) {
        struct waiter self;
        waiter_init(&self);
        append(event, &self);
        while (!self.released)
            pthread_cond_wait(&self.go, &event->mutex);
        pthread_cond_destroy(&self.go);
    }
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
    bool set = event->set;
    if (!set && milliseconds > 0) {
        struct waiter self;
        waiter_init(&self);
        append(event, &self);
        while (!self.released) {
            if (pthread_cond_timedwait(&self.go, &event->mutex, &end) == ETIMEDOUT)
                break;
        }
        set = self.released;
        if (!set)
            take_out(event, &self);
        pthread_cond_destroy(&self.go);
    }
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
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->task[i].thread, NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
