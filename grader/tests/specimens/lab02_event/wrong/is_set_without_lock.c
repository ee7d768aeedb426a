/* expect: schedules data-race; races race | reads the flag without the lock */
#include "event.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

/* The flag is a generation counter: odd means set. */
struct event {
    unsigned long generation;
    pthread_mutex_t lock;
    pthread_cond_t turned;
};

struct event *event_create(void)
{
    struct event *const e = calloc(1, sizeof *e);
    pthread_condattr_t attributes;
    if (e == NULL || pthread_condattr_init(&attributes) != 0) {
        free(e);
        return NULL;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&e->turned, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&e->lock, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (e != NULL) {
        (void)pthread_cond_destroy(&e->turned);
        (void)pthread_mutex_destroy(&e->lock);
        free(e);
    }
}

/* A look changes nothing, so it needs no lock; this is used below with and without. */
bool event_is_set(struct event *e)
{
    return e->generation % 2 == 1;
}

static void turn(struct event *e, bool on)
{
    (void)pthread_mutex_lock(&e->lock);
    if (event_is_set(e) != on)
        e->generation++;
    if (on)
        (void)pthread_cond_broadcast(&e->turned);
    (void)pthread_mutex_unlock(&e->lock);
}

void event_set(struct event *e)
{
    turn(e, true);
}

void event_clear(struct event *e)
{
    turn(e, false);
}

/* Comes back if the event is set, or was in the meantime: if the generation moved on, it was. */
void event_wait(struct event *e)
{
    (void)pthread_mutex_lock(&e->lock);
    const unsigned long seen = e->generation;
    while (e->generation == seen && seen % 2 == 0)
        (void)pthread_cond_wait(&e->turned, &e->lock);
    (void)pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    bool was_set;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(milliseconds % 1000U) * 1000000L;
    t.tv_sec += (time_t)(milliseconds / 1000U) + (t.tv_nsec >= 1000000000L);
    t.tv_nsec -= t.tv_nsec >= 1000000000L ? 1000000000L : 0;
    (void)pthread_mutex_lock(&e->lock);
    const unsigned long seen = e->generation;
    do
        was_set = e->generation != seen || seen % 2 == 1;
    while (!was_set && pthread_cond_timedwait(&e->turned, &e->lock, &t) == 0);
    was_set = e->generation != seen || seen % 2 == 1;
    (void)pthread_mutex_unlock(&e->lock);
    return was_set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    sem_t begun;       /* posted by each thread when it has read its place */
    sem_t gate;        /* posted for each thread when it may go on */
    size_t place;      /* of the thread that is being started */
    bool called_off;
    size_t n;
    pthread_t thread[64];
};

static void down(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

static void *run_task(void *argument)
{
    struct event_tasks *const tasks = argument;
    const size_t place = tasks->place;
    (void)sem_post(&tasks->begun);
    down(&tasks->gate);
    if (!tasks->called_off) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, place);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *const tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL)
        return NULL;
    (void)sem_init(&tasks->begun, 0, 0);
    (void)sem_init(&tasks->gate, 0, 0);
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    for (; tasks->n < n; tasks->n++) {
        tasks->place = tasks->n;
        if (pthread_create(&tasks->thread[tasks->n], NULL, run_task, tasks) != 0)
            break;
        down(&tasks->begun);
    }
    const bool complete = tasks->n == n;
    tasks->called_off = !complete;
    for (size_t i = 0; i < tasks->n; i++)
        (void)sem_post(&tasks->gate);
    if (!complete)
        event_tasks_join(tasks);
    return complete ? tasks : NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        (void)pthread_join(tasks->thread[i], NULL);
    (void)sem_destroy(&tasks->gate);
    (void)sem_destroy(&tasks->begun);
    free(tasks);
}
