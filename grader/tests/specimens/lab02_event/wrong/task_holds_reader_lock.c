/* expect: schedules tasks_run_together | a task runs with a reader lock of the event held: who clears or sets the event waits until all tasks have run */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_rwlock_t flag_lock;
    bool flag;
    pthread_mutex_t sleep_lock;
    pthread_cond_t sleepers;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    pthread_condattr_t a;
    if (!e)
        return e;
    pthread_rwlock_init(&e->flag_lock, NULL);
    pthread_mutex_init(&e->sleep_lock, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&e->sleepers, &a);
    pthread_condattr_destroy(&a);
    return e;
}

void event_free(struct event *e)
{
    if (!e)
        return;
    pthread_cond_destroy(&e->sleepers);
    pthread_mutex_destroy(&e->sleep_lock);
    pthread_rwlock_destroy(&e->flag_lock);
    free(e);
}

static void change(struct event *e, bool to)
{
    pthread_rwlock_wrlock(&e->flag_lock);
    e->flag = to;
    pthread_rwlock_unlock(&e->flag_lock);
    pthread_mutex_lock(&e->sleep_lock);
    pthread_cond_broadcast(&e->sleepers);
    pthread_mutex_unlock(&e->sleep_lock);
}

void event_set(struct event *e)
{
    change(e, true);
}

void event_clear(struct event *e)
{
    change(e, false);
}

bool event_is_set(struct event *e)
{
    pthread_rwlock_rdlock(&e->flag_lock);
    bool flag = e->flag;
    pthread_rwlock_unlock(&e->flag_lock);
    return flag;
}

static bool sleep_until(struct event *e, const struct timespec *end)
{
    int rc = 0;
    bool flag;
    pthread_mutex_lock(&e->sleep_lock);
    while (!(flag = event_is_set(e)) && rc == 0)
        rc = end ? pthread_cond_timedwait(&e->sleepers, &e->sleep_lock, end)
                 : pthread_cond_wait(&e->sleepers, &e->sleep_lock);
    pthread_mutex_unlock(&e->sleep_lock);
    return flag;
}

void event_wait(struct event *e)
{
    sleep_until(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    if ((end.tv_nsec += milliseconds % 1000 * 1000000L) >= 1000000000L) {
        end.tv_nsec -= 1000000000L;
        end.tv_sec += 1;
    }
    return sleep_until(e, &end);
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate;
    bool off;
    size_t n;
    struct member {
        struct event_tasks *group;
        size_t index;
        pthread_t thread;
    } member[64];
};

static void *member_main(void *p)
{
    struct member *m = p;
    struct event_tasks *g = m->group;
    pthread_mutex_lock(&g->gate);
    bool off = g->off;
    pthread_mutex_unlock(&g->gate);
    if (!off) {
        /* Nobody may clear the event between our look and our start. */
        pthread_rwlock_rdlock(&g->event->flag_lock);
        while (!g->event->flag) {
            pthread_rwlock_unlock(&g->event->flag_lock);
            event_wait(g->event);
            pthread_rwlock_rdlock(&g->event->flag_lock);
        }
        g->run(g->arg, m->index);
        pthread_rwlock_unlock(&g->event->flag_lock);
    }
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->member[i].thread, NULL);
    pthread_mutex_destroy(&g->gate);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->event = event;
    g->run = run;
    g->arg = arg;
    pthread_mutex_init(&g->gate, NULL);
    pthread_mutex_lock(&g->gate);
    for (g->n = 0; g->n < n; g->n++) {
        struct member *m = &g->member[g->n];
        m->group = g;
        m->index = g->n;
        if (pthread_create(&m->thread, NULL, member_main, m) != 0) {
            g->off = true;
            break;
        }
    }
    bool off = g->off;
    pthread_mutex_unlock(&g->gate);
    if (off) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}
