/* expect: tests exactly once; schedules data-race | hands each thread a pointer to the one loop variable */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "event.h"

/* Readable while it is set; poll() does the waiting. The mutex keeps set and clear apart. */
struct event {
    int fd;
    bool is_set;
    pthread_mutex_t lock;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd == -1) {
        free(e);
        return NULL;
    }
    e->is_set = false;
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->lock);
    close(e->fd);
    free(e);
}

void event_set(struct event *e)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&e->lock);
    if (!e->is_set && write(e->fd, &one, sizeof one) == sizeof one)
        e->is_set = true;
    pthread_mutex_unlock(&e->lock);
}

void event_clear(struct event *e)
{
    uint64_t ignored;
    pthread_mutex_lock(&e->lock);
    if (e->is_set && read(e->fd, &ignored, sizeof ignored) == sizeof ignored)
        e->is_set = false;
    pthread_mutex_unlock(&e->lock);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    bool is_set = e->is_set;
    pthread_mutex_unlock(&e->lock);
    return is_set;
}

void event_wait(struct event *e)
{
    struct pollfd p = {e->fd, POLLIN, 0};
    while (!event_is_set(e))
        poll(&p, 1, -1);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct pollfd p = {e->fd, POLLIN, 0};
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!event_is_set(e)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t passed = (now.tv_sec - start.tv_sec) * INT64_C(1000000000) + now.tv_nsec - start.tv_nsec;
        int64_t left = milliseconds * INT64_C(1000000) - passed;
        if (left <= 0)
            return false;
        const struct timespec rest = {left / 1000000000, left % 1000000000};
        ppoll(&p, 1, &rest, NULL);
    }
    return true;
}

struct event_tasks {
    struct event *event, *all_there;
    event_task *run;
    void *arg;
    bool go_home;
    pthread_t threads[64];
    size_t i; /* loop variable and number of threads */
};

struct start {
    struct event_tasks *tasks;
    size_t *index;
};

static void *task_main(void *p)
{
    struct start *start = p;
    struct event_tasks *tasks = start->tasks;
    size_t index = *start->index;
    free(start);
    event_wait(tasks->all_there);
    if (!tasks->go_home) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    tasks->all_there = event_create();
    if (tasks->all_there == NULL) {
        free(tasks);
        return NULL;
    }
    for (tasks->i = 0; tasks->i < n; tasks->i++) {
        struct start *start = malloc(sizeof *start);
        if (start == NULL)
            break;
        start->tasks = tasks;
        start->index = &tasks->i;
        if (pthread_create(&tasks->threads[tasks->i], NULL, task_main, start) != 0) {
            free(start);
            break;
        }
    }
    bool go_home = tasks->go_home = tasks->i < n;
    event_set(tasks->all_there);
    if (!go_home)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t k = 0; k < tasks->i; k++)
        pthread_join(tasks->threads[k], NULL);
    event_free(tasks->all_there);
    free(tasks);
}
