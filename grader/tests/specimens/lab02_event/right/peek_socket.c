/* expect: right | the event is a byte in a socket: waiting is recv with MSG_PEEK, which leaves the byte for the others */
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
#include <poll.h>
#include <sys/socket.h>

struct event {
    pthread_mutex_t changing;
    bool there;
    int ends[2];
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, event->ends) != 0) {
        free(event);
        return NULL;
    }
    event->there = false;
    pthread_mutex_init(&event->changing, NULL);
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    close(event->ends[0]);
    close(event->ends[1]);
    pthread_mutex_destroy(&event->changing);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->changing);
    if (!event->there)
        while (send(event->ends[1], "!", 1, MSG_NOSIGNAL) != 1)
            ;
    event->there = true;
    pthread_mutex_unlock(&event->changing);
}

void event_clear(struct event *event)
{
    char byte;
    pthread_mutex_lock(&event->changing);
    if (event->there)
        while (recv(event->ends[0], &byte, 1, 0) != 1)
            ;
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

void event_wait(struct event *event)
{
    char byte;
    while (!event_is_set(event))
        recv(event->ends[0], &byte, 1, MSG_PEEK);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end, now;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    while (!event_is_set(event)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        const int64_t ns = (int64_t)(end.tv_sec - now.tv_sec) * 1000000000 + end.tv_nsec - now.tv_nsec;
        if (ns <= 0)
            return false;
        const struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
        struct pollfd fd = {.fd = event->ends[0], .events = POLLIN};
        ppoll(&fd, 1, &left, NULL);
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
