/* expect: tests early | reads the clock in whole milliseconds: a wait that a signal interrupts ends up to a millisecond too early */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The descriptor is readable if and only if `set` (seen from inside the mutex). */
struct event {
    pthread_mutex_t mutex;
    bool set;
    int fd;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof(struct event));
    if (!event)
        return NULL;
    event->set = false;
    event->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event->fd >= 0) {
        if (pthread_mutex_init(&event->mutex, NULL) == 0)
            return event;
        close(event->fd);
    }
    free(event);
    return NULL;
}

void event_free(struct event *event)
{
    if (event) {
        close(event->fd);
        pthread_mutex_destroy(&event->mutex);
        free(event);
    }
}

static void raise_fd(int fd)
{
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) == -1 && errno == EINTR)
        ;
}

static void lower_fd(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof count) == -1 && errno == EINTR)
        ;
}

static void change(struct event *event, bool to)
{
    pthread_mutex_lock(&event->mutex);
    if (event->set != to) {
        event->set = to;
        (to ? raise_fd : lower_fd)(event->fd);
    }
    pthread_mutex_unlock(&event->mutex);
}

void event_set(struct event *event) { change(event, true); }

void event_clear(struct event *event) { change(event, false); }

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

void event_wait(struct event *event)
{
    while (!event_is_set(event)) {
        struct pollfd p = { .fd = event->fd, .events = POLLIN };
        ppoll(&p, 1, NULL, NULL);
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    int64_t end = now_ms() + milliseconds;

    for (;;) {
        int64_t left = end - now_ms(); /* first the clock, then the flag: a set in time is never overlooked */
        if (event_is_set(event))
            return true;
        if (left <= 0)
            return false;
        struct timespec t = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
        struct pollfd p = { .fd = event->fd, .events = POLLIN };
        ppoll(&p, 1, &t, NULL);
    }
}

/* A group is a list of tasks behind a head. */
struct task {
    struct task *next;
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
    bool running;
};

struct event_tasks {
    struct task *tasks;
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool cancelled;
};

static void *task_main(void *p)
{
    struct task *task = p;
    struct event_tasks *group = task->group;

    pthread_mutex_lock(&group->gate);
    bool cancelled = group->cancelled;
    pthread_mutex_unlock(&group->gate);
    if (cancelled)
        return NULL;
    event_wait(group->event);
    (*group->run)(group->arg, task->index);
    return NULL;
}

static bool prepend_tasks(struct event_tasks *group, size_t n)
{
    while (n-- > 0) {
        struct task *task = malloc(sizeof *task);
        if (!task)
            return false;
        *task = (struct task){ .next = group->tasks, .group = group, .index = n, .running = false };
        group->tasks = task;
    }
    return true;
}

static bool launch(struct task *task)
{
    for (; task; task = task->next) {
        if (pthread_create(&task->thread, NULL, task_main, task) != 0)
            return false;
        task->running = true; /* only the starting and the joining thread look at this */
    }
    return true;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group);
    if (!group)
        return NULL;
    *group = (struct event_tasks){ .event = event, .run = run, .arg = arg };
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    pthread_mutex_lock(&group->gate);
    bool ok = prepend_tasks(group, n) && launch(group->tasks);
    group->cancelled = !ok;
    pthread_mutex_unlock(&group->gate);
    if (ok)
        return group;
    event_tasks_join(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    for (struct task *t = tasks->tasks, *next; t; t = next) {
        next = t->next;
        if (t->running)
            pthread_join(t->thread, NULL);
        free(t);
    }
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
