/* expect: tests signal; schedules assertion | sleeps once and takes whatever ends the sleep for the event */
#define _GNU_SOURCE 1
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct event {
    atomic_int state; /* 0: not set, 1: set */
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e != NULL)
        atomic_init(&e->state, 0);
    return e;
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    if (atomic_exchange(&e->state, 1) == 0)
        syscall(SYS_futex, &e->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *e)
{
    atomic_store(&e->state, 0);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->state) == 1;
}

void event_wait(struct event *e)
{
    syscall(SYS_futex, &e->state, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec time_out = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (syscall(SYS_futex, &e->state, FUTEX_WAIT_PRIVATE, 0, &time_out, NULL, 0) == -1 && errno == ETIMEDOUT)
        return false;
    return atomic_load(&e->state) == 1;
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
