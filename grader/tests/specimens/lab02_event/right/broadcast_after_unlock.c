/* expect: right | wakes after it has unlocked; tasks start at a semaphore */
#include "event.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

/* Shut or open, like a gate at a crossing. */
enum gate { SHUT, OPEN };

struct event {
    enum gate gate;
    pthread_mutex_t keeper;
    pthread_cond_t opened;
};

void event_free(struct event *crossing)
{
    if (crossing != NULL) {
        pthread_mutex_destroy(&crossing->keeper);
        pthread_cond_destroy(&crossing->opened);
    }
    free(crossing);
}

struct event *event_create(void)
{
    struct event *crossing = calloc(1, sizeof(struct event));
    pthread_condattr_t by_the_clock;
    if (crossing != NULL) {
        pthread_mutex_init(&crossing->keeper, NULL);
        pthread_condattr_init(&by_the_clock);
        pthread_condattr_setclock(&by_the_clock, CLOCK_MONOTONIC);
        pthread_cond_init(&crossing->opened, &by_the_clock);
        pthread_condattr_destroy(&by_the_clock);
    }
    return crossing;
}

static enum gate move(struct event *crossing, enum gate to)
{
    pthread_mutex_lock(&crossing->keeper);
    const enum gate from = crossing->gate;
    crossing->gate = to;
    pthread_mutex_unlock(&crossing->keeper);
    return from;
}

void event_set(struct event *crossing)
{
    if (move(crossing, OPEN) == SHUT)
        pthread_cond_broadcast(&crossing->opened);
}

void event_clear(struct event *crossing)
{
    move(crossing, SHUT);
}

bool event_is_set(struct event *crossing)
{
    pthread_mutex_lock(&crossing->keeper);
    const enum gate gate = crossing->gate;
    pthread_mutex_unlock(&crossing->keeper);
    return gate == OPEN;
}

void event_wait(struct event *crossing)
{
    pthread_mutex_lock(&crossing->keeper);
    while (crossing->gate == SHUT)
        pthread_cond_wait(&crossing->opened, &crossing->keeper);
    pthread_mutex_unlock(&crossing->keeper);
}

bool event_wait_for(struct event *crossing, unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const long long end = t.tv_sec * 1000000000LL + t.tv_nsec + milliseconds * 1000000LL;
    t = (struct timespec){.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    pthread_mutex_lock(&crossing->keeper);
    while (crossing->gate == SHUT && pthread_cond_timedwait(&crossing->opened, &crossing->keeper, &t) == 0)
        continue;
    const enum gate gate = crossing->gate;
    pthread_mutex_unlock(&crossing->keeper);
    return gate == OPEN;
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
