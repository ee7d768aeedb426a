/* expect: tests hang; schedules deadlock | the group is locked while its threads are joined, and each needs that lock at its end */
#include "event.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event { pthread_mutex_t m; pthread_cond_t c; int on; };

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    pthread_condattr_t a;
    if (!e) return NULL;
    pthread_mutex_init(&e->m, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&e->c, &a);
    pthread_condattr_destroy(&a);
    return e;
}

void event_free(struct event *e)
{
    if (!e) return;
    pthread_cond_destroy(&e->c);
    pthread_mutex_destroy(&e->m);
    free(e);
}

static void put(struct event *e, int on)
{
    pthread_mutex_lock(&e->m);
    e->on = on;
    if (on) pthread_cond_signal(&e->c);
    pthread_mutex_unlock(&e->m);
}

void event_set(struct event *e) { put(e, 1); }
void event_clear(struct event *e) { put(e, 0); }

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->m);
    int on = e->on;
    pthread_mutex_unlock(&e->m);
    return on;
}

/* until NULL: without end */
static bool doze(struct event *e, const struct timespec *until)
{
    int err = 0;
    pthread_mutex_lock(&e->m);
    while (!e->on && err == 0)
        err = until ? pthread_cond_timedwait(&e->c, &e->m, until) : pthread_cond_wait(&e->c, &e->m);
    int on = e->on;
    if (on) pthread_cond_signal(&e->c); /* next, please */
    pthread_mutex_unlock(&e->m);
    return on;
}

void event_wait(struct event *e)
{
    doze(e, NULL);
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long ns = t.tv_nsec + (long)(ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + (unsigned)(ns / 1000000000);
    t.tv_nsec = ns % 1000000000;
    return doze(e, &t);
}

/* The tasks wait at a door of their own before they look at the event: it opens to work (1) or to go home (-1). */
struct event_tasks {
    struct event *e;
    event_task *run;
    void *arg;
    pthread_mutex_t m;
    pthread_cond_t door;
    int open;
    size_t n, number, left;
    pthread_t t[64];
};

static void *thread(void *p)
{
    struct event_tasks *g = p;
    pthread_mutex_lock(&g->m);
    size_t me = g->number++;
    while (g->open == 0)
        pthread_cond_wait(&g->door, &g->m);
    int go = g->open;
    pthread_mutex_unlock(&g->m);
    if (go > 0) {
        event_wait(g->e);
        g->run(g->arg, me);
    }
    pthread_mutex_lock(&g->m);
    g->left--; /* how many are still at work, for the debugger */
    pthread_mutex_unlock(&g->m);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *e, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    int bad = 0;
    if (!g) return NULL;
    g->e = e;
    g->run = run;
    g->arg = arg;
    pthread_mutex_init(&g->m, NULL);
    pthread_cond_init(&g->door, NULL);
    while (g->n < n && !bad)
        if (!(bad = pthread_create(&g->t[g->n], NULL, thread, g)))
            g->left = ++g->n;
    pthread_mutex_lock(&g->m);
    g->open = bad ? -1 : 1;
    pthread_cond_broadcast(&g->door);
    pthread_mutex_unlock(&g->m);
    if (bad) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g) return;
    pthread_mutex_lock(&g->m);
    while (g->n > 0)
        pthread_join(g->t[--g->n], NULL);
    pthread_mutex_unlock(&g->m);
    pthread_cond_destroy(&g->door);
    pthread_mutex_destroy(&g->m);
    free(g);
}
