/* expect: right | an eventfd that is readable while the event is set; every wait is a select, which on Linux tells how much time is left; a mutex makes set and clear one step and orders memory */
#define _GNU_SOURCE
#include "event.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

struct event {
    pthread_mutex_t m;
    int fd;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->set = false;
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd < 0) {
        free(e);
        return NULL;
    }
    pthread_mutex_init(&e->m, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    close(e->fd);
    pthread_mutex_destroy(&e->m);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->m);
    if (!e->set)
        eventfd_write(e->fd, 1);
    e->set = true;
    pthread_mutex_unlock(&e->m);
}

void event_clear(struct event *e)
{
    eventfd_t v;
    pthread_mutex_lock(&e->m);
    if (e->set)
        eventfd_read(e->fd, &v);
    e->set = false;
    pthread_mutex_unlock(&e->m);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->m);
    const bool set = e->set;
    pthread_mutex_unlock(&e->m);
    return set;
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* select tells in `left` how much is left (select(2), on Linux), whether a signal came or not; NULL: for ever. */
static bool look(struct event *e, struct timeval *left)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(e->fd, &set);
    if (select(e->fd + 1, &set, NULL, NULL, left) != 1)
        return false;
    event_is_set(e); /* who set it has left the lock: what was written before is seen */
    return true;
}

void event_wait(struct event *e)
{
    while (!look(e, NULL))
        ;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    const long long end = now() + milliseconds * 1000000LL;
    struct timeval left = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    do {
        if (look(e, &left))
            return true;
    } while (left.tv_sec > 0 || left.tv_usec > 0);
    /* with signals in between a microsecond may be missing */
    while (now() < end)
        if (look(e, &(struct timeval){.tv_usec = 1}))
            return true;
    return false;
}

struct event_tasks {
    sem_t gate, index_lock;
    struct event *event;
    event_task *run;
    void *arg;
    size_t started, next;
    bool off;
    pthread_t threads[64];
};

static void down(sem_t *s)
{
    while (sem_wait(s) != 0)
        ;
}

static void *task(void *v)
{
    struct event_tasks *g = v;
    down(&g->gate);
    if (g->off)
        return NULL;
    event_wait(g->event);
    down(&g->index_lock);
    const size_t index = g->next++;
    sem_post(&g->index_lock);
    g->run(g->arg, index);
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->started; i++)
        pthread_join(g->threads[i], NULL);
    sem_destroy(&g->gate);
    sem_destroy(&g->index_lock);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    sem_init(&g->gate, 0, 0);
    sem_init(&g->index_lock, 0, 1);
    g->event = event;
    g->run = run;
    g->arg = arg;
    while (g->started < n && pthread_create(&g->threads[g->started], NULL, task, g) == 0)
        g->started++;
    const size_t k = g->started;
    g->off = k < n;
    for (size_t i = 0; i < k; i++)
        sem_post(&g->gate);
    if (k == n)
        return g;
    event_tasks_join(g);
    return NULL;
}
