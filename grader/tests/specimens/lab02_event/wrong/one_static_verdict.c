/* expect: schedules a task of that call has run | whether the group is complete stands in one variable for all groups */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool set;
};

static void enter(struct event *event) { pthread_mutex_lock(&event->lock); }
static void leave(struct event *event) { pthread_mutex_unlock(&event->lock); }

struct event *event_create(void)
{
    pthread_condattr_t attributes;
    struct event *event = malloc(sizeof *event);

    if (event == NULL)
        goto no_event;
    event->set = false;
    if (pthread_mutex_init(&event->lock, NULL) != 0)
        goto no_mutex;
    if (pthread_condattr_init(&attributes) != 0)
        goto no_attributes;
    if (pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0)
        goto no_cond;
    if (pthread_cond_init(&event->changed, &attributes) != 0)
        goto no_cond;
    pthread_condattr_destroy(&attributes);
    return event;

no_cond:
    pthread_condattr_destroy(&attributes);
no_attributes:
    pthread_mutex_destroy(&event->lock);
no_mutex:
    free(event);
no_event:
    return NULL;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

void event_set(struct event *event)
{
    enter(event);
    /* broadcast before the change: nobody can look before we leave, so the order is free */
    pthread_cond_broadcast(&event->changed);
    event->set = true;
    leave(event);
}

void event_clear(struct event *event)
{
    enter(event);
    event->set = false;
    leave(event);
}

bool event_is_set(struct event *event)
{
    enter(event);
    bool set = event->set;
    leave(event);
    return set;
}

void event_wait(struct event *event)
{
    enter(event);
    while (!event->set)
        pthread_cond_wait(&event->changed, &event->lock);
    leave(event);
}

static struct timespec moment_after(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000u;
    t.tv_nsec += (long)(milliseconds % 1000u) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec += 1;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until = moment_after(milliseconds);
    int result = 0;

    enter(event);
    while (!event->set && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&event->changed, &event->lock, &until);
    bool set = event->set;
    leave(event);
    return set;
}

struct worker {
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    struct worker *workers;
};

/* held while threads are started */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static bool complete;

static void *work(void *p)
{
    struct worker *me = p;
    struct event_tasks *group = me->group;

    pthread_mutex_lock(&gate);
    bool go = complete;
    pthread_mutex_unlock(&gate);
    if (go) {
        event_wait(group->event);
        group->run(group->arg, me->index);
    }
    return NULL;
}

static void dissolve(struct event_tasks *group, size_t started)
{
    for (size_t i = 0; i < started; i++)
        pthread_join(group->workers[i].thread, NULL);
    free(group->workers);
    free(group);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group);
    size_t started = 0;

    if (group == NULL)
        goto no_group;
    *group = (struct event_tasks){ .event = event, .run = run, .arg = arg, .n = n };
    group->workers = calloc(n + 1, sizeof *group->workers);
    if (group->workers == NULL)
        goto no_workers;

    pthread_mutex_lock(&gate);
    for (; started < n; started++) {
        struct worker *w = &group->workers[started];
        w->group = group;
        w->index = started;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            break;
    }
    complete = started == n;
    pthread_mutex_unlock(&gate);
    if (started == n)
        return group;
    dissolve(group, started);
    return NULL;

no_workers:
    free(group);
no_group:
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks != NULL)
        dissolve(tasks, tasks->n);
}
