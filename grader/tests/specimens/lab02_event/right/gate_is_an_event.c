/* expect: right | what holds the tasks back until the group is complete is an event itself */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event {
    atomic_bool is_set;     /* written with the mutex held, read with or without it */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static bool event_construct(struct event *event)
{
    pthread_condattr_t attr;
    bool done = false;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0
        && pthread_mutex_init(&event->mutex, NULL) == 0) {
        if (pthread_cond_init(&event->cond, &attr) == 0) {
            atomic_init(&event->is_set, false);
            done = true;
        } else {
            pthread_mutex_destroy(&event->mutex);
        }
    }
    pthread_condattr_destroy(&attr);
    return done;
}

static void event_destruct(struct event *event)
{
    pthread_cond_destroy(&event->cond);
    pthread_mutex_destroy(&event->mutex);
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event != NULL && !event_construct(event)) {
        free(event);
        event = NULL;
    }
    return event;
}

void event_free(struct event *event)
{
    if (event != NULL) {
        event_destruct(event);
        free(event);
    }
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    atomic_store(&event->is_set, true);
    pthread_cond_broadcast(&event->cond);
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    atomic_store(&event->is_set, false);
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->is_set);
}

void event_wait(struct event *event)
{
    if (event_is_set(event))
        return;
    pthread_mutex_lock(&event->mutex);
    for (;;) {
        if (event_is_set(event))
            break;
        pthread_cond_wait(&event->cond, &event->mutex);
    }
    pthread_mutex_unlock(&event->mutex);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until;
    bool result;

    clock_gettime(CLOCK_MONOTONIC, &until);
    if (event_is_set(event))
        return true;
    if (milliseconds == 0)
        return false;

    for (until.tv_sec += milliseconds / 1000, until.tv_nsec += milliseconds % 1000 * 1000000L;
         until.tv_nsec >= 1000000000L; until.tv_nsec -= 1000000000L)
        until.tv_sec++;

    pthread_mutex_lock(&event->mutex);
    while (!(result = event_is_set(event)))
        if (pthread_cond_timedwait(&event->cond, &event->mutex, &until) == ETIMEDOUT) {
            result = event_is_set(event);
            break;
        }
    pthread_mutex_unlock(&event->mutex);
    return result;
}

struct event_tasks {
    struct event known;     /* set when it is known whether the group is complete */
    bool complete;
    struct event *event;
    event_task *run;
    void *arg;
    size_t started;
    struct { pthread_t id; } thread[64];
    struct parcel { struct event_tasks *tasks; size_t index; } parcel[64];
};

static void *unpack(void *parcel)
{
    struct event_tasks *tasks = ((struct parcel *)parcel)->tasks;
    event_wait(&tasks->known);
    if (tasks->complete) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, ((struct parcel *)parcel)->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    if (!event_construct(&tasks->known)) {
        free(tasks);
        return NULL;
    }
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    /* from the last index to the first, for no reason but that it is allowed */
    for (tasks->started = 0; tasks->started < n; tasks->started++) {
        struct parcel *parcel = &tasks->parcel[tasks->started];
        parcel->tasks = tasks;
        parcel->index = n - 1 - tasks->started;
        if (pthread_create(&tasks->thread[tasks->started].id, NULL, unpack, parcel) != 0)
            break;
    }
    bool complete = tasks->complete = tasks->started == n;
    event_set(&tasks->known);
    if (!complete) {
        event_tasks_join(tasks);
        tasks = NULL;
    }
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->started; i++)
        pthread_join(tasks->thread[i].id, NULL);
    event_destruct(&tasks->known);
    free(tasks);
}
