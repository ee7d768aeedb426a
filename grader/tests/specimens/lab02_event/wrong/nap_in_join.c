/* expect: schedules waiting_is_sleeping | event_tasks_join looks every millisecond whether the threads have ended */
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

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool set;
};

static bool init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    const bool done =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return done;
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    event->set = false;
    if (pthread_mutex_init(&event->mutex, NULL) != 0) {
        free(event);
        return NULL;
    }
    if (!init_condition(&event->changed)) {
        pthread_mutex_destroy(&event->mutex);
        free(event);
        return NULL;
    }
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
    const bool set = event->set;
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
    const struct timespec end = from_now(milliseconds);
    int error = 0;
    pthread_mutex_lock(&event->mutex);
    while (!event->set && error == 0)
        error = pthread_cond_timedwait(&event->changed, &event->mutex, &end);
    const bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
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
        while (pthread_tryjoin_np(group->ones[i].thread, NULL) == EBUSY)
            usleep(1000);
    pthread_mutex_destroy(&group->gate);
    free(group);
}
