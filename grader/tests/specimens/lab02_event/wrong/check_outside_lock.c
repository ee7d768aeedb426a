/* expect: tests missed; schedules data-race; races race | looks at the flag without the lock and then sleeps without looking again */
#define _GNU_SOURCE
#include "event.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// EVENT -----------------------------------------------------------------------

struct event
{
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool set;
};

struct event *event_create(void)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL)
        return NULL;
    event->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    event->cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = true;
    pthread_cond_broadcast(&event->cond);
    pthread_mutex_unlock(&event->lock);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = false;
    pthread_mutex_unlock(&event->lock);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    bool result = event->set;
    pthread_mutex_unlock(&event->lock);
    return result;
}

void event_wait(struct event *event)
{
    // fast path: mostly it is set already
    if (event->set)
        return;

    pthread_mutex_lock(&event->lock);
    pthread_cond_wait(&event->cond, &event->lock);
    pthread_mutex_unlock(&event->lock);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec limit;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += milliseconds / 1000;
    limit.tv_nsec += milliseconds % 1000 * 1000000;
    if (limit.tv_nsec > 999999999)
    {
        limit.tv_sec++;
        limit.tv_nsec -= 1000000000;
    }

    pthread_mutex_lock(&event->lock);
    while (rc == 0 && !event->set)
        rc = pthread_cond_clockwait(&event->cond, &event->lock, CLOCK_MONOTONIC, &limit);
    bool result = event->set;
    pthread_mutex_unlock(&event->lock);
    return result;
}

// TASKS -----------------------------------------------------------------------

// Each thread reads one byte from a pipe before it does anything: 'y' or 'n'.

struct event_tasks
{
    struct event *event;
    event_task *run;
    void *arg;
    int from, to;
    size_t count;
    struct task
    {
        struct event_tasks *tasks;
        size_t index;
        pthread_t thread;
    } task[64];
};

static void *task_thread(void *argument)
{
    struct task *task = argument;
    struct event_tasks *tasks = task->tasks;
    char answer = 'n';
    while (read(tasks->from, &answer, 1) != 1)
        continue;
    if (answer == 'y')
    {
        event_wait(tasks->event);
        tasks->run(tasks->arg, task->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    int ends[2];
    struct event_tasks *tasks = malloc(sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0)
    {
        free(tasks);
        return NULL;
    }
    *tasks = (struct event_tasks){.event = event, .run = run, .arg = arg, .from = ends[0], .to = ends[1]};
    while (tasks->count < n)
    {
        struct task *task = &tasks->task[tasks->count];
        task->tasks = tasks;
        task->index = tasks->count;
        if (pthread_create(&task->thread, NULL, task_thread, task) != 0)
            break;
        tasks->count++;
    }
    const bool complete = tasks->count == n;
    for (size_t i = 0; i < tasks->count; i++)
        while (write(tasks->to, complete ? "y" : "n", 1) != 1)
            continue;
    if (complete)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        pthread_join(tasks->task[i].thread, NULL);
    close(tasks->from);
    close(tasks->to);
    free(tasks);
}
