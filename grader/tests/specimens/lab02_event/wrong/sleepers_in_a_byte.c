/* expect: tests set_wakes_every_waiter | the sleepers are counted in an unsigned char to save a broadcast: with 256 of them the count is 0 and event_set wakes nobody */
#define _POSIX_C_SOURCE 200809L
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
    uint8_t sleepers;       /* fits beside the flag */
};

struct event *event_create(void)
{
    struct event *event = calloc(1, sizeof *event);
    pthread_condattr_t attr;

    if (event == NULL)
        return NULL;
    if (pthread_condattr_init(&attr) != 0) {
        free(event);
        return NULL;
    }
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int err = pthread_cond_init(&event->cond, &attr);
    pthread_condattr_destroy(&attr);
    if (err != 0) {
        free(event);
        return NULL;
    }
    if (pthread_mutex_init(&event->mutex, NULL) != 0) {
        pthread_cond_destroy(&event->cond);
        free(event);
        return NULL;
    }
    return event;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->cond);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = true;
    if (event->sleepers != 0)
        pthread_cond_broadcast(&event->cond);
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = false;
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->sleepers++;
    while (!event->set)
        pthread_cond_wait(&event->cond, &event->mutex);
    event->sleepers--;
    pthread_mutex_unlock(&event->mutex);
}

static struct timespec moment_in(unsigned milliseconds)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until = moment_in(milliseconds);
    int err = 0;

    pthread_mutex_lock(&event->mutex);
    event->sleepers++;
    while (!event->set && err != ETIMEDOUT)
        err = pthread_cond_timedwait(&event->cond, &event->mutex, &until);
    event->sleepers--;
    bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

/* ---- tasks ---- */
struct job {
    struct event_tasks *owner;
    size_t no;
    pthread_t tid;
};

struct event_tasks {
    struct event *ev;
    event_task *fn;
    void *arg;
    sem_t start_gun;
    bool stop;
    size_t n;
    struct job jobs[];
};

static void *job_main(void *vp) {
    struct job *j = vp;
    struct event_tasks *g = j->owner;
    while (sem_wait(&g->start_gun) == -1) {}
    if (g->stop) return NULL;
    event_wait(g->ev);
    g->fn(g->arg, j->no);
    return NULL;
}

void event_tasks_join(struct event_tasks *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n; i++) pthread_join(g->jobs[i].tid, NULL);
    sem_destroy(&g->start_gun);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *fn, void *arg) {
    struct event_tasks *g = malloc(sizeof *g + n * sizeof(struct job));
    if (!g) return NULL;
    g->ev = ev;
    g->fn = fn;
    g->arg = arg;
    g->stop = false;
    if (sem_init(&g->start_gun, 0, 0)) {
        free(g);
        return NULL;
    }
    for (g->n = 0; g->n < n; g->n++) {
        struct job *j = &g->jobs[g->n];
        j->owner = g;
        j->no = g->n;
        if (pthread_create(&j->tid, NULL, job_main, j)) {
            g->stop = true;
            break;
        }
    }
    for (size_t i = 0; i < g->n; i++) sem_post(&g->start_gun);
    if (g->stop) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}
