/* expect: schedules set_or_time_out | the milliseconds go to poll as an int: from 2^31 on they are negative, and that means for ever */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct event {
    int fd; /* readable while set */
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (!e)
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
    if (e) {
        close(e->fd);
        free(e);
    }
}

void event_set(struct event *e)
{
    uint64_t one = 1;
    while (write(e->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void event_clear(struct event *e)
{
    uint64_t all;
    while (read(e->fd, &all, sizeof all) < 0 && errno == EINTR)
        ;
}

static bool look(struct event *e, const struct timespec *left)
{
    struct pollfd p = {e->fd, POLLIN, 0};
    return ppoll(&p, 1, left, NULL) == 1;
}

bool event_is_set(struct event *e)
{
    struct timespec none = {0, 0};
    return look(e, &none);
}

void event_wait(struct event *e)
{
    while (!look(e, NULL))
        ;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct pollfd p = {.fd = e->fd, .events = POLLIN};
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    unsigned left = milliseconds;
    for (;;) {
        int n = poll(&p, 1, (int)left);
        if (n >= 0)
            return n > 0;
        clock_gettime(CLOCK_MONOTONIC, &now); /* a signal: wait for the rest */
        long long passed = ((now.tv_sec - start.tv_sec) * 1000000000LL + now.tv_nsec - start.tv_nsec) / 1000000;
        left = passed < milliseconds ? milliseconds - (unsigned)passed : 0;
    }
}

struct event_tasks {
    sem_t start;
    atomic_size_t next;
    atomic_bool called_off;
    struct event *ev;
    event_task *run;
    void *arg;
    size_t n;
    pthread_t *ids;
};

static void *work(void *arg)
{
    struct event_tasks *t = arg;
    while (sem_wait(&t->start) != 0)
        ;
    if (atomic_load(&t->called_off))
        return NULL;
    size_t index = atomic_fetch_add(&t->next, 1);
    event_wait(t->ev);
    t->run(t->arg, index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof(struct event_tasks));
    if (t == NULL)
        return NULL;
    t->ids = calloc(n + 1, sizeof(pthread_t));
    if (t->ids == NULL) {
        free(t);
        return NULL;
    }
    t->ev = ev;
    t->run = run;
    t->arg = arg;
    sem_init(&t->start, 0, 0);
    while (t->n < n && pthread_create(&t->ids[t->n], NULL, work, t) == 0)
        t->n++;
    if (t->n < n)
        atomic_store(&t->called_off, true);
    for (size_t i = 0; i < t->n; i++)
        sem_post(&t->start);
    if (t->n == n)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        pthread_join(t->ids[i], NULL);
    sem_destroy(&t->start);
    free(t->ids);
    free(t);
}
