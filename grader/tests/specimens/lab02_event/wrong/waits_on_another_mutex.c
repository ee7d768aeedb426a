/* expect: tests missed; schedules lost-wake-up | the flag is under one mutex, the wait gives back another: set and broadcast fit in between */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Two locks so that event_is_set never has to wait behind sleepers: one for the flag, one for sleeping. */
struct event {
    pthread_mutex_t flag_lock;
    bool flag;
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake_up;
};

struct event *event_create(void)
{
    pthread_condattr_t attr;
    struct event *e = malloc(sizeof(*e));
    if (e == NULL)
        return NULL;
    e->flag = false;
    pthread_mutex_init(&e->flag_lock, NULL);
    pthread_mutex_init(&e->sleep_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake_up, &attr);
    pthread_condattr_destroy(&attr);
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->wake_up);
    pthread_mutex_destroy(&e->sleep_lock);
    pthread_mutex_destroy(&e->flag_lock);
    free(e);
}

static bool look(struct event *e)
{
    pthread_mutex_lock(&e->flag_lock);
    const bool flag = e->flag;
    pthread_mutex_unlock(&e->flag_lock);
    return flag;
}

static void put(struct event *e, bool flag)
{
    pthread_mutex_lock(&e->flag_lock);
    e->flag = flag;
    if (flag)
        pthread_cond_broadcast(&e->wake_up);
    pthread_mutex_unlock(&e->flag_lock);
}

void event_set(struct event *e)
{
    put(e, true);
}

void event_clear(struct event *e)
{
    put(e, false);
}

bool event_is_set(struct event *e)
{
    return look(e);
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->sleep_lock);
    while (!look(e))
        pthread_cond_wait(&e->wake_up, &e->sleep_lock);
    pthread_mutex_unlock(&e->sleep_lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    end.tv_sec += milliseconds / 1000 + end.tv_nsec / 1000000000L;
    end.tv_nsec -= end.tv_nsec / 1000000000L * 1000000000L;
    pthread_mutex_lock(&e->sleep_lock);
    while (!look(e) && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&e->wake_up, &e->sleep_lock, &end);
    pthread_mutex_unlock(&e->sleep_lock);
    return look(e);
}

/* A thread is parked until the starter has seen all of them, and is then let in or sent away. */
struct parking {
    struct event_tasks *lot;
    size_t place;
    pthread_t thread;
    struct parking *next;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t barrier_lock;
    pthread_cond_t barrier;
    int let_in; /* 0: wait, 1: yes, 2: no */
    struct parking *places;
};

static void *parked(void *argument)
{
    struct parking *p = argument;
    struct event_tasks *lot = p->lot;
    pthread_mutex_lock(&lot->barrier_lock);
    while (lot->let_in == 0)
        pthread_cond_wait(&lot->barrier, &lot->barrier_lock);
    const int let_in = lot->let_in;
    pthread_mutex_unlock(&lot->barrier_lock);
    if (let_in == 1) {
        event_wait(lot->event);
        lot->run(lot->arg, p->place);
    }
    return NULL;
}

static bool park(struct event_tasks *lot, size_t place)
{
    struct parking *p = malloc(sizeof(*p));
    if (p == NULL)
        return false;
    p->lot = lot;
    p->place = place;
    if (pthread_create(&p->thread, NULL, parked, p) != 0) {
        free(p);
        return false;
    }
    p->next = lot->places;
    lot->places = p;
    return true;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *lot = calloc(1, sizeof(*lot));
    size_t place = 0;
    if (lot == NULL)
        return NULL;
    lot->event = event;
    lot->run = run;
    lot->arg = arg;
    pthread_mutex_init(&lot->barrier_lock, NULL);
    pthread_cond_init(&lot->barrier, NULL);
    while (place < n && park(lot, place))
        place++;
    pthread_mutex_lock(&lot->barrier_lock);
    lot->let_in = place == n ? 1 : 2;
    pthread_cond_broadcast(&lot->barrier);
    pthread_mutex_unlock(&lot->barrier_lock);
    if (place == n)
        return lot;
    event_tasks_join(lot);
    return NULL;
}

void event_tasks_join(struct event_tasks *lot)
{
    if (lot == NULL)
        return;
    for (struct parking *p = lot->places, *next; p != NULL; p = next) {
        next = p->next;
        pthread_join(p->thread, NULL);
        free(p);
    }
    pthread_cond_destroy(&lot->barrier);
    pthread_mutex_destroy(&lot->barrier_lock);
    free(lot);
}
