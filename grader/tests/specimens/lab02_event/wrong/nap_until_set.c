/* expect: tests polling; schedules livelock | looks every millisecond whether the event is set */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "event.h"

#define ONE_MS 1000  /* for usleep */

struct event {
    pthread_rwlock_t rw;
    bool value;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof(*e));

    if (e && pthread_rwlock_init(&e->rw, NULL)) {
        free(e);
        e = NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e) {
        pthread_rwlock_destroy(&e->rw);
        free(e);
    }
}

static void write_value(struct event *e, bool value)
{
    pthread_rwlock_wrlock(&e->rw);
    e->value = value;
    pthread_rwlock_unlock(&e->rw);
}

void event_set(struct event *e)
{
    write_value(e, true);
}

void event_clear(struct event *e)
{
    write_value(e, false);
}

bool event_is_set(struct event *e)
{
    bool value;

    pthread_rwlock_rdlock(&e->rw); /* any number of readers at once */
    value = e->value;
    pthread_rwlock_unlock(&e->rw);
    return value;
}

void event_wait(struct event *e)
{
    while (!event_is_set(e))
        usleep(ONE_MS);
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    double begin = now();

    while (!event_is_set(e)) {
        if (now() - begin > milliseconds / 1e3)
            return false;
        usleep(ONE_MS);
    }
    return true;
}

/* Tasks: the threads read-lock the group, too, which is write-locked while it grows. */
struct event_tasks {
    pthread_rwlock_t growing;
    bool complete;
    unsigned size;
    struct slot {
        pthread_t tid;
        struct event_tasks *in;
    } slots[64];
    struct event *event;
    event_task *run;
    void *arg;
};

static void *slot_main(void *v)
{
    struct slot *slot = v;
    struct event_tasks *g = slot->in;
    bool complete;

    pthread_rwlock_rdlock(&g->growing);
    complete = g->complete;
    pthread_rwlock_unlock(&g->growing);
    if (complete) {
        event_wait(g->event);
        g->run(g->arg, slot - g->slots);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof(*g));
    int error = 0;

    if (!g)
        return NULL;
    pthread_rwlock_init(&g->growing, NULL);
    pthread_rwlock_wrlock(&g->growing);
    g->event = event;
    g->run = run;
    g->arg = arg;
    for (g->size = 0; g->size < n; g->size++) {
        g->slots[g->size].in = g;
        error = pthread_create(&g->slots[g->size].tid, NULL, slot_main, &g->slots[g->size]);
        if (error == EAGAIN)
            break;
    }
    g->complete = error == 0;
    pthread_rwlock_unlock(&g->growing);
    if (error != 0) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    unsigned i;

    if (!g)
        return;
    for (i = 0; i < g->size; i++)
        pthread_join(g->slots[i].tid, NULL);
    pthread_rwlock_destroy(&g->growing);
    free(g);
}
