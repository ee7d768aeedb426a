/* expect: right | eight static pairs of mutex and condition variable for all events, chosen by the address; an event itself is a bool. Tasks use the same pairs as their gate */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct stripe {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} stripes[8] = {
    {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER},
    {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER},
    {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER},
    {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER},
};

struct event {
    bool set; /* guarded by its stripe */
};

static struct stripe *lock(const void *address)
{
    struct stripe *stripe = &stripes[((uintptr_t)address >> 5) % 8];
    pthread_mutex_lock(&stripe->mutex);
    return stripe;
}

static void unlock(struct stripe *stripe)
{
    pthread_mutex_unlock(&stripe->mutex);
}

struct event *event_create(void)
{
    return calloc(1, sizeof(struct event));
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    struct stripe *stripe = lock(event);
    event->set = true;
    pthread_cond_broadcast(&stripe->changed);
    unlock(stripe);
}

void event_clear(struct event *event)
{
    struct stripe *stripe = lock(event);
    event->set = false;
    unlock(stripe);
}

bool event_is_set(struct event *event)
{
    struct stripe *stripe = lock(event);
    const bool set = event->set;
    unlock(stripe);
    return set;
}

void event_wait(struct event *event)
{
    struct stripe *stripe = lock(event);
    while (!event->set)
        pthread_cond_wait(&stripe->changed, &stripe->mutex);
    unlock(stripe);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const uint64_t ns = (uint64_t)end.tv_nsec + milliseconds * UINT64_C(1000000);
    end.tv_sec += (time_t)(ns / 1000000000);
    end.tv_nsec = (long)(ns % 1000000000);
    struct stripe *stripe = lock(event);
    while (!event->set && pthread_cond_clockwait(&stripe->changed, &stripe->mutex, CLOCK_MONOTONIC, &end) != ETIMEDOUT)
        ;
    const bool set = event->set;
    unlock(stripe);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    enum { UNDECIDED, GO, GO_HOME } verdict; /* guarded by the stripe of the group */
    size_t n;
    size_t next; /* index for the next thread that hears the verdict */
    pthread_t threads[64];
};

static void *task_thread(void *argument)
{
    struct event_tasks *tasks = argument;
    struct stripe *stripe = lock(tasks);
    while (tasks->verdict == UNDECIDED)
        pthread_cond_wait(&stripe->changed, &stripe->mutex);
    const bool go = tasks->verdict == GO;
    const size_t index = tasks->next++;
    unlock(stripe);
    if (go) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    while (tasks->n < n && pthread_create(&tasks->threads[tasks->n], NULL, task_thread, tasks) == 0)
        tasks->n++;
    struct stripe *stripe = lock(tasks);
    tasks->verdict = tasks->n == n ? GO : GO_HOME;
    pthread_cond_broadcast(&stripe->changed);
    unlock(stripe);
    if (tasks->n == n)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    while (tasks->n > 0)
        pthread_join(tasks->threads[--tasks->n], NULL);
    free(tasks);
}
