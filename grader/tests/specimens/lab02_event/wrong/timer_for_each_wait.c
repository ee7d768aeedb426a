/* expect: tests time_out_is_kept; schedules NOT_RUN | each timed wait opens a timerfd, and returns false when no descriptor is left */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct event {
    int fd;
    atomic_uint sets; /* C knows nothing of descriptors; this orders memory between setter and waiter */
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (!e)
        return NULL;
    e->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->fd < 0) {
        free(e);
        return NULL;
    }
    atomic_init(&e->sets, 0);
    return e;
}

void event_free(struct event *event)
{
    if (!event)
        return;
    close(event->fd);
    free(event);
}

void event_set(struct event *event)
{
    const uint64_t one = 1;
    atomic_fetch_add(&event->sets, 1);
    ssize_t w;
    do
        w = write(event->fd, &one, sizeof one); /* EAGAIN: the counter is full, so the event is set */
    while (w < 0 && errno == EINTR);
}

void event_clear(struct event *event)
{
    uint64_t counted;
    ssize_t r;
    do
        r = read(event->fd, &counted, sizeof counted); /* to 0 in one step; EAGAIN: it was 0 */
    while (r < 0 && errno == EINTR);
}

bool event_is_set(struct event *event)
{
    struct pollfd p = { .fd = event->fd, .events = POLLIN };
    int r;
    while ((r = poll(&p, 1, 0)) < 0)
        continue;
    if (r == 1)
        (void)atomic_load(&event->sets);
    return r == 1;
}

void event_wait(struct event *event)
{
    struct pollfd p = { .fd = event->fd, .events = POLLIN };
    while (poll(&p, 1, -1) != 1)
        continue;
    (void)atomic_load(&event->sets);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct itimerspec end = { .it_interval = { 0, 0 } };
    clock_gettime(CLOCK_MONOTONIC, &end.it_value);
    end.it_value.tv_sec += milliseconds / 1000;
    end.it_value.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (end.it_value.tv_nsec >= 1000000000L) {
        end.it_value.tv_nsec -= 1000000000L;
        end.it_value.tv_sec++;
    }
    if (event_is_set(event))
        return true;
    if (milliseconds == 0)
        return false;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer < 0)
        return false;
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &end, NULL);
    struct pollfd p[2] = { { .fd = event->fd, .events = POLLIN }, { .fd = timer, .events = POLLIN } };
    while (poll(p, 2, -1) < 1)
        continue;
    (void)atomic_load(&event->sets);
    close(timer);
    return event_is_set(event) || (p[0].revents & POLLIN);
}

struct event_tasks {
    pthread_mutex_t gate;
    bool complete;
    size_t count;
    struct event *event;
    event_task *run;
    void *arg;
    struct task {
        struct event_tasks *group;
        size_t index;
        pthread_t thread;
    } task[64];
};

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *group = task->group;
    pthread_mutex_lock(&group->gate);
    bool complete = group->complete;
    pthread_mutex_unlock(&group->gate);
    if (complete) {
        event_wait(group->event);
        group->run(group->arg, task->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    group->event = event;
    group->run = run;
    group->arg = arg;
    pthread_mutex_lock(&group->gate);
    while (group->count < n) {
        struct task *task = &group->task[group->count];
        task->group = group;
        task->index = group->count;
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            break;
        group->count++;
    }
    bool complete = group->complete = group->count == n;
    pthread_mutex_unlock(&group->gate);
    if (complete)
        return group;
    event_tasks_join(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        pthread_join(tasks->task[i].thread, NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
