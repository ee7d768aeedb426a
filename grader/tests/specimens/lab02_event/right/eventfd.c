/* expect: right | an eventfd that is readable while the event is set; poll does the waiting */
#define _GNU_SOURCE 1
#include "event.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct event {
    int fd;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd < 0) {
        free(e);
        return NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    close(e->fd);
    free(e);
}

void event_set(struct event *e)
{
    uint64_t one = 1;
    while (write(e->fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

void event_clear(struct event *e)
{
    uint64_t number;
    while (read(e->fd, &number, sizeof number) < 0 && errno == EINTR)
        continue;
}

bool event_is_set(struct event *e)
{
    return event_wait_for(e, 0);
}

void event_wait(struct event *e)
{
    struct pollfd p = {.fd = e->fd, .events = POLLIN};
    while (poll(&p, 1, -1) != 1)
        continue;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct pollfd p = {.fd = e->fd, .events = POLLIN};
    const int64_t end = now() + milliseconds * INT64_C(1000000);
    for (int64_t left = end - now();; left = end - now()) {
        if (left < 0)
            left = 0;
        struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        int ready = ppoll(&p, 1, &t, NULL);
        if (ready == 1)
            return true;
        if (ready == 0)
            return false;
    }
}

/* A second descriptor holds the threads back. It counts: each thread takes one from it, and the starter puts in as many
 * as there are threads. */
struct event_tasks {
    int start;
    bool call_off;
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    struct thread {
        struct event_tasks *tasks;
        pthread_t id;
    } threads[64];
};

static void *thread_main(void *p)
{
    const struct thread *thread = p;
    struct event_tasks *tasks = thread->tasks;
    uint64_t one;
    while (read(tasks->start, &one, sizeof one) != sizeof one)
        continue;
    if (!tasks->call_off) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, (size_t)(thread - tasks->threads));
    }
    return NULL;
}

static void open_the_gate(const struct event_tasks *tasks, uint64_t places)
{
    while (places > 0 && write(tasks->start, &places, sizeof places) != sizeof places)
        continue;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    *tasks = (struct event_tasks){.start = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), .event = event, .run = run, .arg = arg};
    if (tasks->start < 0) {
        free(tasks);
        return NULL;
    }
    for (; tasks->n < n; tasks->n++) {
        tasks->threads[tasks->n].tasks = tasks;
        if (pthread_create(&tasks->threads[tasks->n].id, NULL, thread_main, &tasks->threads[tasks->n]) != 0)
            break;
    }
    const bool call_off = tasks->call_off = tasks->n < n;
    open_the_gate(tasks, tasks->n);
    if (call_off)
        event_tasks_join(tasks);
    return call_off ? NULL : tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->threads[i].id, NULL);
    close(tasks->start);
    free(tasks);
}
