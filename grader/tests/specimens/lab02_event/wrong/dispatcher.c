/* expect: schedules fewer threads than tasks | one thread waits for the event and only then starts the others: if it cannot, it runs their tasks itself, one after another */
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
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    int rc = 0;
    pthread_mutex_lock(&e->mutex);
    while (!e->set && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&e->changed, &e->mutex, &end);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

struct event_tasks {
    struct event *event;
    size_t n;
    event_task *run;
    void *arg;
    pthread_t dispatcher;
};

struct job {
    struct event_tasks *tasks;
    size_t index;
    pthread_t thread;
    bool own_thread;
};

static void *run_job(void *arg)
{
    struct job *job = arg;
    job->tasks->run(job->tasks->arg, job->index);
    return NULL;
}

static void *dispatch(void *arg)
{
    struct event_tasks *tasks = arg;
    struct job jobs[64];
    event_wait(tasks->event);
    for (size_t i = 0; i < tasks->n; i++) {
        jobs[i] = (struct job){.tasks = tasks, .index = i};
        jobs[i].own_thread = pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]) == 0;
    }
    for (size_t i = 0; i < tasks->n; i++)
        if (jobs[i].own_thread)
            pthread_join(jobs[i].thread, NULL);
        else
            run_job(&jobs[i]);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    *tasks = (struct event_tasks){.event = event, .n = n, .run = run, .arg = arg};
    if (n > 0 && pthread_create(&tasks->dispatcher, NULL, dispatch, tasks) != 0) {
        free(tasks);
        return NULL;
    }
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    if (tasks->n > 0)
        pthread_join(tasks->dispatcher, NULL);
    free(tasks);
}
