/* expect: right | each thread gets a block of its own and frees it; a gate tells them whether all could be started */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    pthread_condattr_t steady;
    if (event == NULL)
        return NULL;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&event->lock, NULL);
    pthread_cond_init(&event->changed, &steady);
    pthread_condattr_destroy(&steady);
    event->is_set = false;
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

static void change(struct event *event, bool to)
{
    pthread_mutex_lock(&event->lock);
    event->is_set = to;
    if (to)
        pthread_cond_broadcast(&event->changed);
    pthread_mutex_unlock(&event->lock);
}

void event_set(struct event *event) { change(event, true); }
void event_clear(struct event *event) { change(event, false); }

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    const bool is_set = event->is_set;
    pthread_mutex_unlock(&event->lock);
    return is_set;
}

/* Waits until it is set, to the end of time if `end` is NULL. A waiter that was woken has seen the set: a clear that
 * comes first sends it to sleep again, which the contract leaves open. */
static bool wait_until(struct event *event, const struct timespec *end)
{
    int failed = 0;
    pthread_mutex_lock(&event->lock);
    while (!event->is_set && failed == 0)
        failed = end == NULL ? pthread_cond_wait(&event->changed, &event->lock)
                             : pthread_cond_timedwait(&event->changed, &event->lock, end);
    const bool is_set = event->is_set;
    pthread_mutex_unlock(&event->lock);
    return is_set;
}

void event_wait(struct event *event) { wait_until(event, NULL); }

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    return wait_until(event, &end);
}

enum decision { OPEN, GO, GIVE_UP };

struct event_tasks {
    pthread_mutex_t lock;
    pthread_cond_t decided;
    enum decision decision;
    size_t count;
    pthread_t threads[64];
};

struct block {
    struct event_tasks *group;
    struct event *event;
    event_task *run;
    void *arg;
    size_t index;
};

static void decide(struct event_tasks *group, enum decision decision)
{
    pthread_mutex_lock(&group->lock);
    group->decision = decision;
    pthread_cond_broadcast(&group->decided);
    pthread_mutex_unlock(&group->lock);
}

static enum decision await_decision(struct event_tasks *group)
{
    pthread_mutex_lock(&group->lock);
    while (group->decision == OPEN)
        pthread_cond_wait(&group->decided, &group->lock);
    const enum decision decision = group->decision;
    pthread_mutex_unlock(&group->lock);
    return decision;
}

static void *task(void *argument)
{
    const struct block block = *(struct block *)argument;
    free(argument);
    if (await_decision(block.group) == GO) {
        event_wait(block.event);
        block.run(block.arg, block.index);
    }
    return NULL;
}

static bool start(pthread_t *thread, struct block block)
{
    struct block *own = malloc(sizeof *own);
    if (own == NULL)
        return false;
    *own = block;
    if (pthread_create(thread, NULL, task, own) == 0)
        return true;
    free(own);
    return false;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->count; i++)
        pthread_join(group->threads[i], NULL);
    pthread_cond_destroy(&group->decided);
    pthread_mutex_destroy(&group->lock);
    free(group);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->decided, NULL);
    while (group->count < n &&
           start(&group->threads[group->count], (struct block){group, event, run, arg, group->count}))
        group->count++;
    const bool all = group->count == n;
    decide(group, all ? GO : GIVE_UP);
    if (all)
        return group;
    event_tasks_join(group);
    return NULL;
}
