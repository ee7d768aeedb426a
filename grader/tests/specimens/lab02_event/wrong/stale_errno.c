/* expect: schedules set_or_time_out | after each sleep errno is looked at, also when the sleep did not fail: an ETIMEDOUT of an earlier wait ends this one */
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
#include <linux/futex.h>
#include <sys/syscall.h>

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
    atomic_int set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event != NULL)
        atomic_init(&event->set, 0);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    atomic_store(&event->set, 1);
    syscall(SYS_futex, &event->set, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *event)
{
    atomic_store(&event->set, 0);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->set) == 1;
}

void event_wait(struct event *event)
{
    while (atomic_load(&event->set) == 0)
        syscall(SYS_futex, &event->set, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const struct timespec end = from_now(milliseconds);
    while (atomic_load(&event->set) == 0) {
        syscall(SYS_futex, &event->set, FUTEX_WAIT_BITSET_PRIVATE, 0, &end, NULL, FUTEX_BITSET_MATCH_ANY);
        if (errno == ETIMEDOUT)
            return atomic_load(&event->set) == 1;
    }
    return true;
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
