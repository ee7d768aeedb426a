/* expect: tests set_wakes_every_waiter; schedules deadlock | only one waiter sleeps on the event, the others wait for its mutex, also those whose time is up */
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

struct event {
    int fd;                /* readable while set */
    pthread_mutex_t queue; /* one polls, the others sleep here: no stampede */
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
    pthread_mutex_init(&e->queue, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (e) {
        pthread_mutex_destroy(&e->queue);
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
    pthread_mutex_lock(&e->queue);
    while (!look(e, NULL))
        ;
    pthread_mutex_unlock(&e->queue);
}

static bool wait_in_line(struct event *e, unsigned milliseconds)
{
    struct timespec now, end, left;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long ns = (end.tv_sec - now.tv_sec) * 1000000000LL + end.tv_nsec - now.tv_nsec;
        if (ns <= 0)
            return event_is_set(e);
        left.tv_sec = ns / 1000000000;
        left.tv_nsec = ns % 1000000000;
    } while (!look(e, &left));
    return true;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    if (milliseconds == 0)
        return event_is_set(e);
    pthread_mutex_lock(&e->queue);
    bool set = wait_in_line(e, milliseconds);
    pthread_mutex_unlock(&e->queue);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool off;
    size_t n;
    struct member {
        struct event_tasks *group;
        size_t index;
        pthread_t thread;
    } member[64];
};

static void *member_main(void *p)
{
    struct member *m = p;
    struct event_tasks *g = m->group;
    pthread_mutex_lock(&g->gate);
    bool off = g->off;
    pthread_mutex_unlock(&g->gate);
    if (!off) {
        event_wait(g->event);
        g->run(g->arg, m->index);
    }
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->member[i].thread, NULL);
    pthread_mutex_destroy(&g->gate);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->event = event;
    g->run = run;
    g->arg = arg;
    pthread_mutex_init(&g->gate, NULL);
    pthread_mutex_lock(&g->gate);
    for (g->n = 0; g->n < n; g->n++) {
        struct member *m = &g->member[g->n];
        m->group = g;
        m->index = g->n;
        if (pthread_create(&m->thread, NULL, member_main, m) != 0) {
            g->off = true;
            break;
        }
    }
    bool off = g->off;
    pthread_mutex_unlock(&g->gate);
    if (off) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}
