/* expect: schedules assertion | event_wait looks once: a wake-up for no reason counts as the event */
#include "event.h"

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
    pthread_condattr_t attr;
    struct event *self = malloc(sizeof *self);
    if (self == NULL)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&self->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&self->mutex, NULL);
    self->set = false;
    return self;
}

void event_free(struct event *self)
{
    if (self == NULL)
        return;
    pthread_cond_destroy(&self->cond);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

void event_set(struct event *self)
{
    pthread_mutex_lock(&self->mutex);
    self->set = true;
    pthread_cond_broadcast(&self->cond);
    pthread_mutex_unlock(&self->mutex);
}

void event_clear(struct event *self)
{
    pthread_mutex_lock(&self->mutex);
    self->set = false;
    pthread_mutex_unlock(&self->mutex);
}

bool event_is_set(struct event *self)
{
    pthread_mutex_lock(&self->mutex);
    bool set = self->set;
    pthread_mutex_unlock(&self->mutex);
    return set;
}

void event_wait(struct event *self)
{
    pthread_mutex_lock(&self->mutex);
    if (!self->set)
        pthread_cond_wait(&self->cond, &self->mutex);
    pthread_mutex_unlock(&self->mutex);
}

static struct timespec deadline_in(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec += 1;
    }
    return t;
}

bool event_wait_for(struct event *self, unsigned milliseconds)
{
    struct timespec deadline = deadline_in(milliseconds);
    bool set;
    pthread_mutex_lock(&self->mutex);
    while (!self->set)
        if (pthread_cond_timedwait(&self->cond, &self->mutex, &deadline) != 0)
            break;
    set = self->set;
    pthread_mutex_unlock(&self->mutex);
    return set;
}

struct member {
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t door;
    bool cancelled;
    size_t started;
    struct member *members;
};

static void *thread_main(void *p)
{
    struct member *member = p;
    struct event_tasks *group = member->group;
    pthread_mutex_lock(&group->door);
    bool cancelled = group->cancelled;
    pthread_mutex_unlock(&group->door);
    if (!cancelled) {
        event_wait(group->event);
        group->run(group->arg, member->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->members = calloc(n + 1, sizeof *group->members);
    if (group->members == NULL) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    pthread_mutex_init(&group->door, NULL);
    pthread_mutex_lock(&group->door);
    for (size_t i = 0; i < n; i++) {
        group->members[i].group = group;
        group->members[i].index = i;
        if (pthread_create(&group->members[i].thread, NULL, thread_main, &group->members[i]) != 0)
            break;
        group->started++;
    }
    group->cancelled = group->started < n;
    pthread_mutex_unlock(&group->door);
    if (group->started < n) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->started; i++)
        pthread_join(group->members[i].thread, NULL);
    pthread_mutex_destroy(&group->door);
    free(group->members);
    free(group);
}
