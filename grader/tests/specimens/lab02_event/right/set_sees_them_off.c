/* expect: right | one semaphore with a token for each waiter; event_set keeps the lock until each of them has taken its token, so none can be stolen */
#define _GNU_SOURCE
#include "event.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t door;   /* nobody comes in, gives up or clears while event_set sees waiters off */
    sem_t tokens;
    sem_t taken;
    size_t inside;          /* who waits; guarded by door */
    bool set;
};

static void down(sem_t *s)
{
    while (sem_wait(s) != 0)
        continue;           /* EINTR */
}

struct event *event_create(void)
{
    struct event *ev = calloc(1, sizeof *ev);
    if (ev == NULL)
        return NULL;
    if (sem_init(&ev->tokens, 0, 0) == 0) {
        if (sem_init(&ev->taken, 0, 0) == 0) {
            if (pthread_mutex_init(&ev->door, NULL) == 0)
                return ev;
            sem_destroy(&ev->taken);
        }
        sem_destroy(&ev->tokens);
    }
    free(ev);
    return NULL;
}

void event_free(struct event *ev)
{
    if (ev == NULL)
        return;
    pthread_mutex_destroy(&ev->door);
    sem_destroy(&ev->taken);
    sem_destroy(&ev->tokens);
    free(ev);
}

void event_set(struct event *ev)
{
    pthread_mutex_lock(&ev->door);
    ev->set = true;
    for (size_t i = 0; i < ev->inside; i++)
        sem_post(&ev->tokens);
    for (; ev->inside > 0; ev->inside--)
        down(&ev->taken);
    pthread_mutex_unlock(&ev->door);
}

void event_clear(struct event *ev)
{
    pthread_mutex_lock(&ev->door);
    ev->set = false;
    pthread_mutex_unlock(&ev->door);
}

bool event_is_set(struct event *ev)
{
    pthread_mutex_lock(&ev->door);
    const bool set = ev->set;
    pthread_mutex_unlock(&ev->door);
    return set;
}

/* true: the event is set and there is nothing to wait for */
static bool enter(struct event *ev, bool wait)
{
    pthread_mutex_lock(&ev->door);
    const bool set = ev->set;
    if (!set && wait)
        ev->inside++;
    pthread_mutex_unlock(&ev->door);
    return set;
}

void event_wait(struct event *ev)
{
    if (enter(ev, true))
        return;
    down(&ev->tokens);
    sem_post(&ev->taken);
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const unsigned long long ns = (unsigned long long)end.tv_nsec + milliseconds * 1000000ULL;
    end.tv_sec += (time_t)(ns / 1000000000ULL);
    end.tv_nsec = (long)(ns % 1000000000ULL);

    if (enter(ev, milliseconds > 0))
        return true;
    if (milliseconds == 0)
        return false;
    int failed;
    do
        failed = sem_clockwait(&ev->tokens, CLOCK_MONOTONIC, &end);
    while (failed != 0 && errno == EINTR);
    if (failed == 0) {
        sem_post(&ev->taken);
        return true;
    }

    /* Too late. Whoever holds the door may be an event_set that waits for us to take a token, so
     * ask for both in turn; it is held for a moment only. */
    while (pthread_mutex_trylock(&ev->door) != 0) {
        if (sem_trywait(&ev->tokens) == 0) {
            sem_post(&ev->taken);
            return true;
        }
        sched_yield();
    }
    ev->inside--;
    pthread_mutex_unlock(&ev->door);
    return false;
}

/* ------------------------------------------------------------------ tasks: a list of blocks */

struct one {
    struct one *older;
    struct event_tasks *all;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    struct one *newest;
    sem_t verdict;
    bool cancelled;
};

static void *task_thread(void *p)
{
    struct one *me = p;
    down(&me->all->verdict);
    if (!me->all->cancelled) {
        event_wait(me->all->event);
        me->all->run(me->all->arg, me->index);
    }
    return NULL;
}

static void finish(struct event_tasks *all)
{
    while (all->newest != NULL) {
        struct one *x = all->newest;
        pthread_join(x->thread, NULL);
        all->newest = x->older;
        free(x);
    }
    sem_destroy(&all->verdict);
    free(all);
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->event = ev;
    all->run = run;
    all->arg = arg;
    if (sem_init(&all->verdict, 0, 0) != 0) {
        free(all);
        return NULL;
    }
    size_t i = 0;
    for (; i < n; i++) {
        struct one *x = malloc(sizeof *x);
        if (x == NULL)
            break;
        *x = (struct one){ .older = all->newest, .all = all, .index = i };
        if (pthread_create(&x->thread, NULL, task_thread, x) != 0) {
            free(x);
            break;
        }
        all->newest = x;
    }
    all->cancelled = i < n;
    for (size_t k = 0; k < i; k++)
        sem_post(&all->verdict);
    if (i == n)
        return all;
    finish(all);
    return NULL;
}

void event_tasks_join(struct event_tasks *all)
{
    if (all != NULL)
        finish(all);
}
