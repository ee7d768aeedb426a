/* expect: tests state; schedules misuse | returns on a time-out with the lock still held */
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
};

struct event *event_create(void)
{
    pthread_condattr_t attr;
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->mutex, NULL);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = false;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        pthread_cond_wait(&e->cond, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

static struct timespec deadline_in(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec += 1;
    }
    return t;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec deadline = deadline_in(milliseconds);
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        if (pthread_cond_timedwait(&e->cond, &e->mutex, &deadline) != 0)
            return false;
    pthread_mutex_unlock(&e->mutex);
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
