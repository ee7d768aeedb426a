/* expect: tests hang; schedules lost-wake-up | set writes a byte each time, clear reads one: the event stays set, or clear waits for a byte */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

/* No lock, no condition variable: a pipe does it all. Whoever waits waits until there is something to read. */
struct event {
    int fds[2];
    atomic_int marker; /* makes visible what was written before the set */
};

struct event *event_create(void)
{
    struct event *self = calloc(1, sizeof *self);
    if (self && pipe(self->fds) < 0) {
        free(self);
        self = NULL;
    }
    return self;
}

void event_free(struct event *self)
{
    if (!self)
        return;
    close(self->fds[0]);
    close(self->fds[1]);
    free(self);
}

void event_set(struct event *self)
{
    atomic_fetch_add(&self->marker, 1);
    while (write(self->fds[1], "s", 1) < 0 && errno == EINTR)
        ;
}

void event_clear(struct event *self)
{
    char c;
    while (read(self->fds[0], &c, 1) < 0 && errno == EINTR)
        ;
}

/* 1: readable, 0: time is up. until NULL: for ever */
static int readable(struct event *self, const struct timespec *until)
{
    for (;;) {
        struct timeval left = {0, 0};
        if (until) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            long long us = (until->tv_sec - now.tv_sec) * 1000000LL + (until->tv_nsec - now.tv_nsec + 999) / 1000;
            if (us > 0) {
                left.tv_sec = us / 1000000;
                left.tv_usec = us % 1000000;
            }
        }
        fd_set set;
        FD_ZERO(&set);
        FD_SET(self->fds[0], &set);
        int n = select(self->fds[0] + 1, &set, NULL, NULL, until ? &left : NULL);
        if (n > 0) {
            atomic_load(&self->marker);
            return 1;
        }
        if (n == 0 && left.tv_sec == 0 && left.tv_usec == 0)
            return 0;
    }
}

bool event_is_set(struct event *self)
{
    const struct timespec past = {0, 0};
    return readable(self, &past) == 1;
}

void event_wait(struct event *self)
{
    readable(self, NULL);
}

bool event_wait_for(struct event *self, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    return readable(self, &until) == 1;
}

struct event_tasks {
    pthread_mutex_t mutex;
    struct event *event;
    event_task *run;
    void *arg;
    bool off;
    size_t count, next;
    pthread_t ids[64];
};

static void *one_task(void *p)
{
    struct event_tasks *tasks = p;
    pthread_mutex_lock(&tasks->mutex);
    bool off = tasks->off;
    size_t me = tasks->next++;
    pthread_mutex_unlock(&tasks->mutex);
    if (!off) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, me);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (!tasks)
        return NULL;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    pthread_mutex_init(&tasks->mutex, NULL);
    pthread_mutex_lock(&tasks->mutex);
    for (; tasks->count < n; tasks->count++)
        if (pthread_create(&tasks->ids[tasks->count], NULL, one_task, tasks) != 0) {
            tasks->off = true;
            break;
        }
    pthread_mutex_unlock(&tasks->mutex);
    if (tasks->off) {
        event_tasks_join(tasks);
        return NULL;
    }
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        pthread_join(tasks->ids[i], NULL);
    pthread_mutex_destroy(&tasks->mutex);
    free(tasks);
}
