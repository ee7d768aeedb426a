/* expect: schedules assertion | carries the second only above 1000000000 ns: exactly that many are refused, and the wait ends at once */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, &attr);
    pthread_condattr_destroy(&attr);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_cond_broadcast(&e->changed);
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
        pthread_cond_wait(&e->changed, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (end.tv_nsec > 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    int rc = 0;
    pthread_mutex_lock(&e->mutex);
    while (!e->set && rc == 0)
        rc = pthread_cond_timedwait(&e->changed, &e->mutex, &end);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

/* Starter and task meet twice at most: a barrier of two for each task, passed once it is known how many there are. */
struct event_tasks {
    size_t count;
    struct event *event;
    event_task *run;
    void *arg;
    bool complete;
    struct one {
        pthread_barrier_t meet;
        pthread_t id;
        struct event_tasks *all;
    } one[];
};

static void *one_task(void *argument)
{
    struct one *self = argument;
    struct event_tasks *all = self->all;
    pthread_barrier_wait(&self->meet);
    if (all->complete) {
        event_wait(all->event);
        all->run(all->arg, (size_t)(self - all->one));
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *all = malloc(sizeof *all + n * sizeof all->one[0]);
    if (all == NULL)
        return NULL;
    *all = (struct event_tasks){.event = event, .run = run, .arg = arg};
    while (all->count < n) {
        struct one *one = &all->one[all->count];
        one->all = all;
        if (pthread_barrier_init(&one->meet, NULL, 2) != 0)
            break;
        if (pthread_create(&one->id, NULL, one_task, one) != 0) {
            pthread_barrier_destroy(&one->meet);
            break;
        }
        all->count++;
    }
    all->complete = all->count == n;
    for (size_t i = 0; i < all->count; i++)
        pthread_barrier_wait(&all->one[i].meet);
    if (all->complete)
        return all;
    event_tasks_join(all);
    return NULL;
}

void event_tasks_join(struct event_tasks *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->count; i++) {
        pthread_join(all->one[i].id, NULL);
        pthread_barrier_destroy(&all->one[i].meet);
    }
    free(all);
}
