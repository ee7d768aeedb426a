/* expect: tests hang; schedules lost-wake-up | set writes a byte each time, clear reads one: the event stays set, or clear waits for a byte */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct event {
    pthread_mutex_t guard; /* so that there is never more than one byte */
    bool there;
    int out, in;
};

struct event *event_create(void)
{
    int ends[2];
    struct event *event = malloc(sizeof(*event));
    if (event == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(event);
        return NULL;
    }
    *event = (struct event){.guard = PTHREAD_MUTEX_INITIALIZER, .out = ends[0], .in = ends[1]};
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    close(event->in);
    close(event->out);
    pthread_mutex_destroy(&event->guard);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->guard);
    while (write(event->in, "", 1) != 1)
        continue;
    event->there = true;
    pthread_mutex_unlock(&event->guard);
}

void event_clear(struct event *event)
{
    char byte;
    pthread_mutex_lock(&event->guard);
    while (read(event->out, &byte, 1) != 1)
        continue;
    event->there = false;
    pthread_mutex_unlock(&event->guard);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->guard);
    bool there = event->there;
    pthread_mutex_unlock(&event->guard);
    return there;
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void event_wait(struct event *event)
{
    struct pollfd fd = {.fd = event->out, .events = POLLIN};
    do
        while (poll(&fd, 1, -1) != 1)
            continue;
    while (!event_is_set(event)); /* the lock also orders what was written before the set */
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const int64_t end = clock_ns() + (int64_t)milliseconds * 1000000;
    struct pollfd fd = {.fd = event->out, .events = POLLIN};
    for (;;) {
        if (event_is_set(event))
            return true;
        int64_t left = end - clock_ns();
        if (left <= 0)
            return false;
        left = (left + 999999) / 1000000; /* up: rather late than early */
        poll(&fd, 1, left > INT_MAX ? INT_MAX : (int)left);
    }
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    sem_t go;
    bool give_up; /* written before the posts */
    size_t count;
    struct task {
        struct event_tasks *group;
        pthread_t thread;
    } task[];
};

static void *task_main(void *argument)
{
    struct task *self = argument;
    struct event_tasks *group = self->group;
    while (sem_wait(&group->go) != 0)
        continue;
    if (group->give_up)
        return NULL;
    event_wait(group->event);
    group->run(group->arg, (size_t)(self - group->task));
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof(*group) + n * sizeof(struct task));
    if (group == NULL)
        return NULL;
    group->event = event;
    group->run = run;
    group->arg = arg;
    sem_init(&group->go, 0, 0);
    for (group->count = 0; group->count < n; group->count++) {
        struct task *task = &group->task[group->count];
        task->group = group;
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            break;
    }
    group->give_up = group->count < n;
    for (size_t i = 0; i < group->count; i++)
        sem_post(&group->go);
    if (!group->give_up)
        return group;
    event_tasks_join(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (struct task *task = group->task; task < group->task + group->count; task++)
        pthread_join(task->thread, NULL);
    sem_destroy(&group->go);
    free(group);
}
