/* expect: schedules deadlock; speedup overlap | a lock held while a task runs: the tasks are threads and still stand in line */
#define _GNU_SOURCE
#include "event.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event {
    pthread_mutex_t m;
    pthread_cond_t c;
    bool flag;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof(struct event));
    if (!e)
        return NULL;
    memset(e, 0, sizeof(struct event));
    pthread_mutex_init(&e->m, NULL);
    pthread_cond_init(&e->c, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (!e)
        return;
    pthread_mutex_destroy(&e->m);
    pthread_cond_destroy(&e->c);
    free(e);
}

#define LOCKED(e) for (int once_ = (pthread_mutex_lock(&(e)->m), 1); once_; once_ = (pthread_mutex_unlock(&(e)->m), 0))

void event_set(struct event *e)
{
    LOCKED(e) {
        e->flag = true;
        pthread_cond_broadcast(&e->c);
    }
}

void event_clear(struct event *e)
{
    LOCKED(e)
        e->flag = false;
}

bool event_is_set(struct event *e)
{
    bool flag = false;
    LOCKED(e)
        flag = e->flag;
    return flag;
}

void event_wait(struct event *e)
{
    LOCKED(e)
        while (!e->flag)
            pthread_cond_wait(&e->c, &e->m);
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long end = now.tv_sec * 1000000000LL + now.tv_nsec + ms * 1000000LL;
    const struct timespec until = {.tv_sec = end / 1000000000LL, .tv_nsec = end % 1000000000LL};
    bool flag = false;
    LOCKED(e) {
        while (!e->flag && pthread_cond_clockwait(&e->c, &e->m, CLOCK_MONOTONIC, &until) == 0)
            ;
        flag = e->flag;
    }
    return flag;
}

/* The group has one mutex for all that it holds: state, numbers, and the use of run. */
struct event_tasks {
    pthread_mutex_t mutex;
    pthread_cond_t decided;
    enum { UNDECIDED, GO, STOP } state;
    size_t number;
    struct event *event;
    event_task *run;
    void *arg;
    size_t size;
    pthread_t *threads;
};

static void *thread_function(void *arg)
{
    struct event_tasks *tasks = arg;
    pthread_mutex_lock(&tasks->mutex);
    const size_t number = tasks->number++;
    while (tasks->state == UNDECIDED)
        pthread_cond_wait(&tasks->decided, &tasks->mutex);
    const bool go = tasks->state == GO;
    pthread_mutex_unlock(&tasks->mutex);
    if (go) {
        event_wait(tasks->event);
        pthread_mutex_lock(&tasks->mutex); /* run may not be thread safe */
        tasks->run(tasks->arg, number);
        pthread_mutex_unlock(&tasks->mutex);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof(struct event_tasks));
    pthread_t *threads = calloc(n ? n : 1, sizeof(pthread_t));
    if (!tasks || !threads) {
        free(tasks);
        free(threads);
        return NULL;
    }
    pthread_mutex_init(&tasks->mutex, NULL);
    pthread_cond_init(&tasks->decided, NULL);
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    tasks->threads = threads;
    while (tasks->size < n && pthread_create(&threads[tasks->size], NULL, thread_function, tasks) == 0)
        tasks->size++;

    pthread_mutex_lock(&tasks->mutex);
    tasks->state = tasks->size == n ? GO : STOP;
    pthread_cond_broadcast(&tasks->decided);
    pthread_mutex_unlock(&tasks->mutex);
    if (tasks->size == n)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    for (size_t i = 0; i < tasks->size; i++)
        pthread_join(tasks->threads[i], NULL);
    pthread_cond_destroy(&tasks->decided);
    pthread_mutex_destroy(&tasks->mutex);
    free(tasks->threads);
    free(tasks);
}
