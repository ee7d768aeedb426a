/* expect: tests nobody set; schedules assertion | a clear steps the counter that waiters watch, even if the event was not set */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct event
{
    pthread_mutex_t m;
    pthread_cond_t  c;
    uint64_t        changes; /* a waiter sleeps until this is another */
    bool            set;
};

struct event *event_create(void)
{
    struct event *ev = malloc(sizeof *ev);
    if (!ev) return NULL;
    ev->changes = 0;
    ev->set = false;
    if (pthread_mutex_init(&ev->m, NULL)) { free(ev); return NULL; }
    if (pthread_cond_init(&ev->c, NULL)) { pthread_mutex_destroy(&ev->m); free(ev); return NULL; }
    return ev;
}

void event_free(struct event *ev)
{
    if (!ev) return;
    pthread_cond_destroy(&ev->c);
    pthread_mutex_destroy(&ev->m);
    free(ev);
}

void event_set(struct event *ev)
{
    bool first;
    pthread_mutex_lock(&ev->m);
    first = !ev->set;
    if (first) {
        ev->set = true;
        ev->changes++;
    }
    pthread_mutex_unlock(&ev->m);
    if (first)
        pthread_cond_broadcast(&ev->c); /* outside: nobody may free the event while this call runs */
}

void event_clear(struct event *ev)
{
    pthread_mutex_lock(&ev->m);
    ev->set = false;
    ev->changes++;
    pthread_mutex_unlock(&ev->m);
}

bool event_is_set(struct event *ev)
{
    pthread_mutex_lock(&ev->m);
    bool r = ev->set;
    pthread_mutex_unlock(&ev->m);
    return r;
}

void event_wait(struct event *ev)
{
    pthread_mutex_lock(&ev->m);
    if (!ev->set) {
        uint64_t seen = ev->changes;
        do pthread_cond_wait(&ev->c, &ev->m); while (ev->changes == seen);
    }
    pthread_mutex_unlock(&ev->m);
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;

    pthread_mutex_lock(&ev->m);
    bool came = ev->set;
    if (!came && milliseconds > 0) {
        uint64_t seen = ev->changes;
        int rc;
        do {
            rc = pthread_cond_clockwait(&ev->c, &ev->m, CLOCK_MONOTONIC, &end);
            came = ev->changes != seen;
        } while (!came && rc != ETIMEDOUT);
    }
    pthread_mutex_unlock(&ev->m);
    return came;
}

struct event_tasks
{
    mtx_t         gate;
    bool          failed;
    struct event *ev;
    event_task   *run;
    void         *arg;
    size_t        n;
    thrd_t       *ids;
    struct ticket { struct event_tasks *of; size_t index; } *tickets;
};

static int task_thread(void *p)
{
    struct ticket t = *(struct ticket *)p;
    mtx_lock(&t.of->gate);
    bool failed = t.of->failed;
    mtx_unlock(&t.of->gate);
    if (!failed) {
        event_wait(t.of->ev);
        t.of->run(t.of->arg, t.index);
    }
    return 0;
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->ids = calloc(n ? n : 1, sizeof *g->ids);
    g->tickets = calloc(n ? n : 1, sizeof *g->tickets);
    if (!g->ids || !g->tickets || mtx_init(&g->gate, mtx_plain) != thrd_success) {
        free(g->tickets);
        free(g->ids);
        free(g);
        return NULL;
    }
    g->ev = ev;
    g->run = run;
    g->arg = arg;

    mtx_lock(&g->gate);
    for (size_t i = 0; i < n && !g->failed; i++) {
        g->tickets[i] = (struct ticket){ g, i };
        if (thrd_create(&g->ids[i], task_thread, &g->tickets[i]) == thrd_success)
            g->n++;
        else
            g->failed = true;
    }
    bool failed = g->failed;
    mtx_unlock(&g->gate);

    if (failed) {
        event_tasks_join(g);
        return NULL;
    }
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n; i++)
        thrd_join(g->ids[i], NULL);
    mtx_destroy(&g->gate);
    free(g->tickets);
    free(g->ids);
    free(g);
}
