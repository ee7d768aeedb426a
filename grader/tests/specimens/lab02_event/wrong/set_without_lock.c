/* expect: tests missed; schedules lost-wake-up | atomic flag and broadcast without the lock: both fit between look and sleep */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* Lock-free: the state is atomic. The mutex is only there because pthread_cond_wait wants one. */
typedef struct event {
    atomic_int state;
    pthread_cond_t cond;
    pthread_mutex_t for_cond;
} event_t;

typedef struct event_tasks {
    event_t *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate; /* shut until all threads run, or it is known that they will not */
    bool failed;
    atomic_size_t ids;
    size_t len;
    pthread_t pool[64];
} tasks_t;

static void init(event_t *event)
{
    atomic_init(&event->state, 0);
    pthread_cond_init(&event->cond, NULL);
    pthread_mutex_init(&event->for_cond, NULL);
}

static void destroy(event_t *event)
{
    pthread_cond_destroy(&event->cond);
    pthread_mutex_destroy(&event->for_cond);
}

event_t *event_create(void)
{
    event_t *event = malloc(sizeof(event_t));
    if (event != NULL)
        init(event);
    return event;
}

void event_free(event_t *event)
{
    if (event != NULL)
        destroy(event);
    free(event);
}

void event_set(event_t *event)
{
    atomic_store(&event->state, 1);
    pthread_cond_broadcast(&event->cond);
}

void event_clear(event_t *event)
{
    atomic_store(&event->state, 0);
}

bool event_is_set(event_t *event)
{
    return atomic_load(&event->state) != 0;
}

void event_wait(event_t *event)
{
    if (event_is_set(event))
        return;
    pthread_mutex_lock(&event->for_cond);
    while (!event_is_set(event))
        pthread_cond_wait(&event->cond, &event->for_cond);
    pthread_mutex_unlock(&event->for_cond);
}

bool event_wait_for(event_t *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    unsigned long long ns = end.tv_nsec + 1000000ull * milliseconds;
    end.tv_sec += ns / 1000000000ull;
    end.tv_nsec = ns % 1000000000ull;
    pthread_mutex_lock(&event->for_cond);
    while (!event_is_set(event) &&
           pthread_cond_clockwait(&event->cond, &event->for_cond, CLOCK_MONOTONIC, &end) == 0) {
    }
    pthread_mutex_unlock(&event->for_cond);
    return event_is_set(event);
}

static void *pool_thread(void *ptr)
{
    tasks_t *tasks = ptr;
    pthread_mutex_lock(&tasks->gate);
    bool failed = tasks->failed;
    pthread_mutex_unlock(&tasks->gate);
    if (!failed) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, atomic_fetch_add(&tasks->ids, 1));
    }
    return NULL;
}

tasks_t *event_tasks_start(event_t *event, size_t n, event_task *run, void *arg)
{
    tasks_t *tasks = calloc(1, sizeof(tasks_t));
    if (tasks == NULL)
        return NULL;
    pthread_mutex_init(&tasks->gate, NULL);
    pthread_mutex_lock(&tasks->gate);
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    while (tasks->len < n) {
        if (pthread_create(tasks->pool + tasks->len, NULL, pool_thread, tasks) != 0) {
            tasks->failed = true;
            pthread_mutex_unlock(&tasks->gate);
            event_tasks_join(tasks);
            return NULL;
        }
        tasks->len += 1;
    }
    pthread_mutex_unlock(&tasks->gate);
    return tasks;
}

void event_tasks_join(tasks_t *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->len; i++)
        pthread_join(tasks->pool[i], NULL);
    pthread_mutex_destroy(&tasks->gate);
    free(tasks);
}
