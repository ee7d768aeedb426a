/* expect: right; schedules NOT_RUN | the event lives in a page of its own (posix_memalign) with a priority-inheriting mutex; a group and the stacks of its threads are one block */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE 4096u
#define STACK (256u * 1024u)

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool set;
};

static void *pages(size_t bytes)
{
    void *p;
    return posix_memalign(&p, PAGE, bytes) == 0 ? p : NULL;
}

struct event *event_create(void)
{
    struct event *e = pages(PAGE);
    if (!e)
        return NULL;
    e->set = false;
    pthread_mutexattr_t ma;
    pthread_condattr_t ca;
    if (pthread_mutexattr_init(&ma) != 0)
        goto give_back;
    pthread_mutexattr_setprotocol(&ma, PTHREAD_PRIO_INHERIT);
    int err = pthread_mutex_init(&e->lock, &ma);
    pthread_mutexattr_destroy(&ma);
    if (err)
        goto give_back;
    if (pthread_condattr_init(&ca) != 0)
        goto mutex;
    err = pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    if (!err)
        err = pthread_cond_init(&e->changed, &ca);
    pthread_condattr_destroy(&ca);
    if (!err)
        return e;
mutex:
    pthread_mutex_destroy(&e->lock);
give_back:
    free(e);
    return NULL;
}

void event_free(struct event *e)
{
    if (!e)
        return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    if (!e->set) {
        e->set = true;
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->set = false;
    pthread_mutex_unlock(&e->lock);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    bool set = e->set;
    pthread_mutex_unlock(&e->lock);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->set)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_nsec -= 1000000000L;
        end.tv_sec++;
    }
    pthread_mutex_lock(&e->lock);
    if (ms > 0)
        while (!e->set && pthread_cond_timedwait(&e->changed, &e->lock, &end) != ETIMEDOUT)
            ;
    bool set = e->set;
    pthread_mutex_unlock(&e->lock);
    return set;
}

struct one {
    struct event_tasks *group;
    size_t index;
    pthread_t thread;
};

struct event_tasks {
    size_t n;
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate; /* held while the group is being started */
    bool go;
    struct one one[];
};

static void *body(void *p)
{
    struct one *me = p;
    struct event_tasks *g = me->group;
    pthread_mutex_lock(&g->gate);
    bool go = g->go;
    pthread_mutex_unlock(&g->gate);
    if (go) {
        event_wait(g->event);
        g->run(g->arg, me->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    size_t head = sizeof(struct event_tasks) + n * sizeof(struct one);
    head = (head + PAGE - 1) / PAGE * PAGE;
    struct event_tasks *g = pages(head + n * STACK);
    if (!g)
        return NULL;
    memset(g, 0, head);
    g->n = n;
    g->event = event;
    g->run = run;
    g->arg = arg;
    if (pthread_mutex_init(&g->gate, NULL) != 0) {
        free(g);
        return NULL;
    }
    size_t started = 0;
    pthread_attr_t attr;
    pthread_mutex_lock(&g->gate);
    if (pthread_attr_init(&attr) == 0) {
        char *at = (char *)g + head;
        for (; started < n; started++, at += STACK) {
            struct one *t = &g->one[started];
            t->group = g;
            t->index = started;
            if (pthread_attr_setstack(&attr, at, STACK) != 0
                || pthread_create(&t->thread, &attr, body, t) != 0)
                break;
        }
        pthread_attr_destroy(&attr);
        g->go = started == n;
    }
    bool go = g->go;
    pthread_mutex_unlock(&g->gate);
    if (go)
        return g;
    g->n = started;
    event_tasks_join(g);
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->one[i].thread, NULL);
    pthread_mutex_destroy(&g->gate);
    free(g);
}
