/* expect: tests signal | sleeps once and takes whatever ends the sleep for the event */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

/* A turnstile: the semaphore stands at 1 while the event is set. Whoever gets through lets the next one through. */
struct event {
    sem_t turnstile;
    pthread_mutex_t mutex; /* for set and clear */
    bool open;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof(struct event));
    if (event == NULL)
        return NULL;
    sem_init(&event->turnstile, 0, 0);
    pthread_mutex_init(&event->mutex, NULL);
    event->open = false;
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    sem_destroy(&event->turnstile);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    if (!event->open)
        sem_post(&event->turnstile);
    event->open = true;
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    if (event->open)
        while (sem_wait(&event->turnstile) != 0)
            continue;
    event->open = false;
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool open = event->open;
    pthread_mutex_unlock(&event->mutex);
    return open;
}

void event_wait(struct event *event)
{
    if (sem_wait(&event->turnstile) == 0)
        sem_post(&event->turnstile);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec += 1;
        end.tv_nsec -= 1000000000L;
    }
    if (sem_clockwait(&event->turnstile, CLOCK_MONOTONIC, &end) != 0)
        return event_is_set(event);
    sem_post(&event->turnstile);
    return true;
}

struct event_tasks {
    size_t started, wanted;
    pthread_t *ids;
    pthread_mutex_t mutex;   /* held while threads are being started */
    size_t numbers;
    struct event *event;
    event_task *run;
    void *arg;
};

static void *task_thread(void *pointer)
{
    struct event_tasks *group = pointer;
    pthread_mutex_lock(&group->mutex);
    size_t number = group->numbers++;
    bool complete = group->started == group->wanted;
    pthread_mutex_unlock(&group->mutex);
    if (!complete)
        return NULL;
    event_wait(group->event);
    group->run(group->arg, number);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof(struct event_tasks));
    if (group == NULL)
        return NULL;
    if (n > 0 && (group->ids = calloc(n, sizeof(pthread_t))) == NULL) {
        free(group);
        return NULL;
    }
    group->wanted = n;
    group->event = event;
    group->run = run;
    group->arg = arg;
    pthread_mutex_init(&group->mutex, NULL);
    pthread_mutex_lock(&group->mutex);
    for (size_t i = 0; i < n && pthread_create(&group->ids[i], NULL, task_thread, group) == 0; i++)
        group->started++;
    bool complete = group->started == n;
    pthread_mutex_unlock(&group->mutex);
    if (!complete) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->started; i++)
        pthread_join(group->ids[i], NULL);
    pthread_mutex_destroy(&group->mutex);
    free(group->ids);
    free(group);
}
