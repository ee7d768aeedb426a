/* expect: right | wakes after it has unlocked; tasks start at a semaphore */
#include "event.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
};

struct event *event_create(void)
{
    pthread_condattr_t attr;
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->mutex, NULL);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_mutex_unlock(&e->mutex);
    pthread_cond_broadcast(&e->cond);
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
        pthread_cond_wait(&e->cond, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

static struct timespec deadline_in(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec += 1;
    }
    return t;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec deadline = deadline_in(milliseconds);
    bool set;
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        if (pthread_cond_timedwait(&e->cond, &e->mutex, &deadline) != 0)
            break;
    set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    sem_t go;
    bool called_off;
    size_t next, count;
    pthread_mutex_t lock;
    pthread_t threads[64];
};

static void *task_main(void *arg)
{
    struct event_tasks *t = arg;
    while (sem_wait(&t->go) != 0)
        continue;
    if (t->called_off)
        return NULL;
    pthread_mutex_lock(&t->lock);
    size_t index = t->next++;
    pthread_mutex_unlock(&t->lock);
    event_wait(t->event);
    t->run(t->arg, index);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        pthread_join(t->threads[i], NULL);
    pthread_mutex_destroy(&t->lock);
    sem_destroy(&t->go);
    free(t);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    sem_init(&t->go, 0, 0);
    pthread_mutex_init(&t->lock, NULL);
    while (t->count < n && pthread_create(&t->threads[t->count], NULL, task_main, t) == 0)
        t->count++;
    t->called_off = t->count < n;
    bool complete = !t->called_off;
    for (size_t i = 0; i < t->count; i++)
        sem_post(&t->go);
    if (complete)
        return t;
    event_tasks_join(t);
    return NULL;
}
