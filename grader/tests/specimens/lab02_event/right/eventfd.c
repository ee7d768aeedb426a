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

struct one {
    struct event_tasks *all;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool cancelled;
    size_t started;
    struct one *ones;
};

static void *do_one(void *p)
{
    struct one *one = p;
    struct event_tasks *all = one->all;
    pthread_mutex_lock(&all->gate);
    bool cancelled = all->cancelled;
    pthread_mutex_unlock(&all->gate);
    if (!cancelled) {
        event_wait(all->event);
        all->run(all->arg, one->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->ones = calloc(n + 1, sizeof *all->ones);
    if (all->ones == NULL) {
        free(all);
        return NULL;
    }
    all->event = event;
    all->run = run;
    all->arg = arg;
    pthread_mutex_init(&all->gate, NULL);
    pthread_mutex_lock(&all->gate);
    for (size_t i = 0; i < n; i++) {
        all->ones[i].all = all;
        all->ones[i].index = i;
        if (pthread_create(&all->ones[i].thread, NULL, do_one, &all->ones[i]) != 0)
            break;
        all->started++;
    }
    all->cancelled = all->started < n;
    pthread_mutex_unlock(&all->gate);
    if (all->started < n) {
        event_tasks_join(all);
        return NULL;
    }
    return all;
}

void event_tasks_join(struct event_tasks *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->started; i++)
        pthread_join(all->ones[i].thread, NULL);
    pthread_mutex_destroy(&all->gate);
    free(all->ones);
    free(all);
}
