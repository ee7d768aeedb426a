/* expect: right | a waiter parks in sigtimedwait with SIGURG blocked; event_set sends pthread_kill to each in the list; tasks pass a read-write lock that start holds for writing */
#define _GNU_SOURCE
#include "event.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct sleeper {
    struct sleeper *next, **link;
    pthread_t thread;
    bool woken;
};

struct event {
    pthread_mutex_t m;
    bool set;
    struct sleeper *sleepers;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (e != NULL && pthread_mutex_init(&e->m, NULL) != 0) {
        free(e);
        return NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->m);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->m);
    e->set = true;
    for (struct sleeper *s = e->sleepers; s != NULL; s = s->next) {
        s->woken = true;
        s->link = NULL;
        pthread_kill(s->thread, SIGURG); /* it is in wait_until and stays there until it has our mutex */
    }
    e->sleepers = NULL;
    pthread_mutex_unlock(&e->m);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->m);
    e->set = false;
    pthread_mutex_unlock(&e->m);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->m);
    const bool set = e->set;
    pthread_mutex_unlock(&e->m);
    return set;
}

static struct timespec left(const struct timespec *end)
{
    struct timespec now, d;
    clock_gettime(CLOCK_MONOTONIC, &now);
    d.tv_sec = end->tv_sec - now.tv_sec;
    d.tv_nsec = end->tv_nsec - now.tv_nsec;
    if (d.tv_nsec < 0) {
        d.tv_nsec += 1000000000;
        d.tv_sec--;
    }
    return d;
}

static bool wait_until(struct event *e, const struct timespec *end)
{
    sigset_t urgent, before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    struct sleeper me = {.thread = pthread_self()};
    bool consumed = false, result;
    pthread_mutex_lock(&e->m);
    if (e->set) {
        result = true;
    } else {
        me.next = e->sleepers;
        me.link = &e->sleepers;
        if (me.next != NULL)
            me.next->link = &me.next;
        e->sleepers = &me;
        bool late = false;
        while (!me.woken && !late) {
            pthread_mutex_unlock(&e->m);
            int got;
            if (end == NULL) {
                got = sigwaitinfo(&urgent, NULL);
            } else {
                const struct timespec rest = left(end);
                if (rest.tv_sec < 0 || (rest.tv_sec == 0 && rest.tv_nsec == 0)) {
                    late = true;
                    got = -1;
                } else {
                    got = sigtimedwait(&urgent, NULL, &rest);
                }
            }
            pthread_mutex_lock(&e->m);
            consumed = got == SIGURG;
        }
        if (!me.woken) {
            *me.link = me.next;
            if (me.next != NULL)
                me.next->link = me.link;
        }
        result = me.woken;
    }
    pthread_mutex_unlock(&e->m);
    if (me.woken && !consumed) /* sent, but we had come back for another reason */
        while (sigtimedwait(&urgent, NULL, &(struct timespec){0, 0}) == SIGURG)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

void event_wait(struct event *e)
{
    wait_until(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    return wait_until(e, &end);
}

struct member {
    struct event_tasks *group;
    pthread_t thread;
};

struct event_tasks {
    pthread_rwlock_t gate;
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    bool complete;
    struct member members[];
};

static void *member(void *v)
{
    struct member *m = v;
    struct event_tasks *g = m->group;
    pthread_rwlock_rdlock(&g->gate);
    const bool go = g->complete;
    pthread_rwlock_unlock(&g->gate);
    if (go) {
        event_wait(g->event);
        g->run(g->arg, (size_t)(m - g->members));
    }
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (g == NULL)
        return;
    while (g->n > 0)
        pthread_join(g->members[--g->n].thread, NULL);
    pthread_rwlock_destroy(&g->gate);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g + n * sizeof g->members[0]);
    if (g == NULL)
        return NULL;
    pthread_rwlock_init(&g->gate, NULL);
    g->event = event;
    g->run = run;
    g->arg = arg;
    pthread_rwlock_wrlock(&g->gate);
    for (g->n = 0; g->n < n; g->n++) {
        g->members[g->n].group = g;
        if (pthread_create(&g->members[g->n].thread, NULL, member, &g->members[g->n]) != 0)
            break;
    }
    const bool complete = g->complete = g->n == n;
    pthread_rwlock_unlock(&g->gate);
    if (complete)
        return g;
    event_tasks_join(g);
    return NULL;
}
