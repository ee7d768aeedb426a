/* expect: tests waiting_is_not_polling | the rest of the time is rounded down to milliseconds: through the last one poll is called again and again with 0 */
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
#include <fcntl.h>
#include <poll.h>

struct event {
    pthread_mutex_t changing;
    bool there;
    int out, in;
};

struct event *event_create(void)
{
    int ends[2];
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(event);
        return NULL;
    }
    event->there = false;
    event->out = ends[0];
    event->in = ends[1];
    pthread_mutex_init(&event->changing, NULL);
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    close(event->in);
    close(event->out);
    pthread_mutex_destroy(&event->changing);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->changing);
    if (!event->there)
        while (write(event->in, "", 1) != 1)
            continue;
    event->there = true;
    pthread_mutex_unlock(&event->changing);
}

void event_clear(struct event *event)
{
    char byte;
    pthread_mutex_lock(&event->changing);
    if (event->there)
        while (read(event->out, &byte, 1) != 1)
            continue;
    event->there = false;
    pthread_mutex_unlock(&event->changing);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->changing);
    const bool there = event->there;
    pthread_mutex_unlock(&event->changing);
    return there;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void event_wait(struct event *event)
{
    struct pollfd fd = {.fd = event->out, .events = POLLIN};
    while (!event_is_set(event))
        poll(&fd, 1, -1);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const int64_t end = now_ns() + (int64_t)milliseconds * 1000000;
    struct pollfd fd = {.fd = event->out, .events = POLLIN};
    for (;;) {
        if (event_is_set(event))
            return true;
        const int64_t left = end - now_ns();
        if (left <= 0)
            return false;
        poll(&fd, 1, left / 1000000 > INT_MAX ? INT_MAX : (int)(left / 1000000));
    }
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
