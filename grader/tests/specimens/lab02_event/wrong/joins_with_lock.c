/* expect: tests hang; schedules deadlock | the group is locked while its threads are joined, and each needs that lock at its end */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event != NULL)
        *event = (struct event){
            .lock = PTHREAD_MUTEX_INITIALIZER,
            .wake = PTHREAD_COND_INITIALIZER,
            .set = false,
        };
    return event;
}

void event_free(struct event *event)
{
    if (event != NULL) {
        pthread_mutex_destroy(&event->lock);
        pthread_cond_destroy(&event->wake);
        free(event);
    }
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    const bool news = !event->set;
    event->set = true;
    pthread_mutex_unlock(&event->lock);
    if (news)
        pthread_cond_broadcast(&event->wake);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = false;
    pthread_mutex_unlock(&event->lock);
}

bool event_is_set(struct event *event)
{
    return event_wait_for(event, 0);
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    while (!event->set)
        pthread_cond_wait(&event->wake, &event->lock);
    pthread_mutex_unlock(&event->lock);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;

    pthread_mutex_lock(&event->lock);
    int result = 0;
    while (!event->set && result == 0)
        result = pthread_cond_clockwait(&event->wake, &event->lock, CLOCK_MONOTONIC, &end);
    const bool set = event->set;
    pthread_mutex_unlock(&event->lock);
    return set;
}

/* All that a group knows is behind one lock. */
struct event_tasks {
    pthread_mutex_t lock;
    struct event *event;
    event_task *run;
    void *arg;
    bool aborted;
    size_t started, indices, done;
    pthread_t threads[64];
};

static bool check_in(struct event_tasks *group, size_t *index)
{
    pthread_mutex_lock(&group->lock);
    *index = group->indices++;
    const bool stay = !group->aborted;
    pthread_mutex_unlock(&group->lock);
    return stay;
}

static void check_out(struct event_tasks *group)
{
    pthread_mutex_lock(&group->lock);
    group->done++;
    pthread_mutex_unlock(&group->lock);
}

static void *task_main(void *argument)
{
    struct event_tasks *group = argument;
    size_t index;
    if (check_in(group, &index)) {
        event_wait(group->event);
        group->run(group->arg, index);
        check_out(group);
    }
    return NULL;
}

static void start_all(struct event_tasks *group, size_t n)
{
    while (group->started < n &&
           pthread_create(&group->threads[group->started], NULL, task_main, group) == 0)
        group->started++;
    group->aborted = group->started < n;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    group->event = event;
    group->run = run;
    group->arg = arg;

    pthread_mutex_lock(&group->lock);
    start_all(group, n);
    const bool aborted = group->aborted;
    pthread_mutex_unlock(&group->lock);

    if (aborted) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    pthread_mutex_lock(&group->lock);
    for (size_t i = 0; i < group->started; i++)
        pthread_join(group->threads[i], NULL);
    pthread_mutex_unlock(&group->lock);
    pthread_mutex_destroy(&group->lock);
    free(group);
}
