/* expect: right | four doors, each with a flag, a mutex and a condition variable of its own; each thread waits at one of them, set and clear go through all in order */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct timespec from_now(unsigned milliseconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += milliseconds / 1000;
    moment.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    return moment;
}

enum { DOORS = 4 };

struct door {
    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open;
};

struct event {
    struct door doors[DOORS];
};

static atomic_uint arrivals;
static _Thread_local unsigned my_door = DOORS;

static struct door *door_of_this_thread(struct event *event)
{
    if (my_door == DOORS)
        my_door = atomic_fetch_add(&arrivals, 1) % DOORS;
    return &event->doors[my_door];
}

struct event *event_create(void)
{
    struct event *event = aligned_alloc(64, sizeof *event);
    if (event == NULL)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (int i = 0; i < DOORS; i++) {
        pthread_mutex_init(&event->doors[i].mutex, NULL);
        pthread_cond_init(&event->doors[i].opened, &attributes);
        event->doors[i].open = false;
    }
    pthread_condattr_destroy(&attributes);
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    for (int i = 0; i < DOORS; i++) {
        pthread_cond_destroy(&event->doors[i].opened);
        pthread_mutex_destroy(&event->doors[i].mutex);
    }
    free(event);
}

/* All doors are locked before the first one changes: set and clear are one step for everybody. */
static void change(struct event *event, bool open)
{
    for (int i = 0; i < DOORS; i++)
        pthread_mutex_lock(&event->doors[i].mutex);
    for (int i = 0; i < DOORS; i++) {
        event->doors[i].open = open;
        if (open)
            pthread_cond_broadcast(&event->doors[i].opened);
    }
    for (int i = DOORS; i-- > 0;)
        pthread_mutex_unlock(&event->doors[i].mutex);
}

void event_set(struct event *event)
{
    change(event, true);
}

void event_clear(struct event *event)
{
    change(event, false);
}

bool event_is_set(struct event *event)
{
    struct door *door = door_of_this_thread(event);
    pthread_mutex_lock(&door->mutex);
    const bool open = door->open;
    pthread_mutex_unlock(&door->mutex);
    return open;
}

void event_wait(struct event *event)
{
    struct door *door = door_of_this_thread(event);
    pthread_mutex_lock(&door->mutex);
    while (!door->open)
        pthread_cond_wait(&door->opened, &door->mutex);
    pthread_mutex_unlock(&door->mutex);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const struct timespec end = from_now(milliseconds);
    struct door *door = door_of_this_thread(event);
    int error = 0;
    pthread_mutex_lock(&door->mutex);
    while (!door->open && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&door->opened, &door->mutex, &end);
    const bool open = door->open;
    pthread_mutex_unlock(&door->mutex);
    return open;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool abandoned;
    size_t n;
    struct one {
        struct event_tasks *group;
        pthread_t thread;
        size_t index;
    } ones[];
};

static void *one_main(void *argument)
{
    struct one *one = argument;
    struct event_tasks *group = one->group;
    pthread_mutex_lock(&group->gate);
    const bool abandoned = group->abandoned;
    pthread_mutex_unlock(&group->gate);
    if (abandoned)
        return NULL;
    event_wait(group->event);
    group->run(group->arg, one->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group + n * sizeof group->ones[0]);
    if (group == NULL)
        return NULL;
    group->event = event;
    group->run = run;
    group->arg = arg;
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    pthread_mutex_lock(&group->gate);
    for (; group->n < n; group->n++) {
        struct one *one = &group->ones[group->n];
        one->group = group;
        one->index = group->n;
        if (pthread_create(&one->thread, NULL, one_main, one) != 0)
            break;
    }
    const bool abandoned = group->n < n;
    group->abandoned = abandoned;
    pthread_mutex_unlock(&group->gate);
    if (!abandoned)
        return group;
    event_tasks_join(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->n; i++)
        pthread_join(group->ones[i].thread, NULL);
    pthread_mutex_destroy(&group->gate);
    free(group);
}
