/* expect: right | static initialisers and pthread_cond_clockwait; tasks give up through the event itself */
#define _GNU_SOURCE 1
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t bell;
    int flag;
};

struct event *event_create(void)
{
    static const struct event blank = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct event *e = malloc(sizeof *e);
    if (e)
        *e = blank;
    return e;
}

void event_free(struct event *e)
{
    if (e) {
        pthread_cond_destroy(&e->bell);
        pthread_mutex_destroy(&e->lock);
    }
    free(e);
}

static void change(struct event *e, int flag)
{
    pthread_mutex_lock(&e->lock);
    if (e->flag != flag) {
        e->flag = flag;
        pthread_cond_broadcast(&e->bell);
    }
    pthread_mutex_unlock(&e->lock);
}

void event_set(struct event *e)
{
    change(e, 1);
}

void event_clear(struct event *e)
{
    change(e, 0);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    int flag = e->flag;
    pthread_mutex_unlock(&e->lock);
    return flag;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->flag)
        pthread_cond_wait(&e->bell, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    long long ns = until.tv_nsec + milliseconds * 1000000LL;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&e->lock);
    int result = 0;
    while (!e->flag && result == 0)
        result = pthread_cond_clockwait(&e->bell, &e->lock, CLOCK_MONOTONIC, &until);
    int flag = e->flag;
    pthread_mutex_unlock(&e->lock);
    return flag;
}

/* state is guarded by the event's lock and announced by its bell. */
struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    enum { STARTING, COMPLETE, CANCELLED } state;
    size_t next, count;
    pthread_t *ids;
};

static void *body(void *p)
{
    struct event_tasks *t = p;
    pthread_mutex_lock(&t->event->lock);
    size_t index = t->next++;
    while (t->state == STARTING || (t->state == COMPLETE && !t->event->flag))
        pthread_cond_wait(&t->event->bell, &t->event->lock);
    int go = t->state == COMPLETE;
    pthread_mutex_unlock(&t->event->lock);
    if (go)
        t->run(t->arg, index);
    return NULL;
}

static void finish_start(struct event_tasks *t, int complete)
{
    pthread_mutex_lock(&t->event->lock);
    t->state = complete ? COMPLETE : CANCELLED;
    pthread_cond_broadcast(&t->event->bell);
    pthread_mutex_unlock(&t->event->lock);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    *t = (struct event_tasks){.event = event, .run = run, .arg = arg};
    t->ids = malloc((n ? n : 1) * sizeof *t->ids);
    if (!t->ids) {
        free(t);
        return NULL;
    }
    while (t->count < n && pthread_create(&t->ids[t->count], NULL, body, t) == 0)
        t->count++;
    finish_start(t, t->count == n);
    if (t->count == n)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (!t)
        return;
    while (t->count > 0)
        pthread_join(t->ids[--t->count], NULL);
    free(t->ids);
    free(t);
}
