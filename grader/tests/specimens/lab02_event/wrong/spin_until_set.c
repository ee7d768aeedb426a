/* expect: tests polling; schedules livelock | waits in a loop that burns a core */
#include "event.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event {
    atomic_bool set;
};

struct event *event_create(void)
{
    return calloc(1, sizeof(struct event));
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    atomic_store(&e->set, true);
}

void event_clear(struct event *e)
{
    atomic_store(&e->set, false);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->set);
}

void event_wait(struct event *e)
{
    while (!atomic_load(&e->set))
        sched_yield();
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    long long end = now_ns() + milliseconds * 1000000LL;
    while (!atomic_load(&e->set)) {
        if (now_ns() >= end)
            return false;
        sched_yield();
    }
    return true;
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
