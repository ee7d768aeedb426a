/* expect: schedules use-after-free | a group hangs in a list of its event until event_set releases it; a group of no tasks that is joined before that is freed and goes on hanging there */
#define _POSIX_C_SOURCE 200809L
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t lock;         /* guards everything, the groups that hang here, too */
    pthread_cond_t set_now;
    bool set;
    struct event_tasks *hanging;  /* groups that no event_set has released yet */
};

struct event_tasks {
    struct event *event;
    struct event_tasks *prev, *next;
    bool hangs;
    bool released;                /* the event was set since the group hangs there */
    enum { FORMING, COMPLETE, GIVEN_UP } shape;
    pthread_cond_t changed;
    event_task *run;
    void *arg;
    size_t n;
    struct member {
        struct event_tasks *group;
        size_t index;
        pthread_t thread;
    } member[];
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    pthread_condattr_t attr;

    if (e == NULL)
        return NULL;
    if (pthread_condattr_init(&attr) != 0) {
        free(e);
        return NULL;
    }
    int bad = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (bad == 0)
        bad = pthread_cond_init(&e->set_now, &attr);
    pthread_condattr_destroy(&attr);
    if (bad != 0) {
        free(e);
        return NULL;
    }
    if (pthread_mutex_init(&e->lock, NULL) != 0) {
        pthread_cond_destroy(&e->set_now);
        free(e);
        return NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->set_now);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static void hang_up(struct event *e, struct event_tasks *g)
{
    g->prev = NULL;
    g->next = e->hanging;
    if (g->next != NULL)
        g->next->prev = g;
    e->hanging = g;
    g->hangs = true;
}

static void take_down(struct event *e, struct event_tasks *g)
{
    if (!g->hangs)
        return;
    if (g->prev != NULL)
        g->prev->next = g->next;
    else
        e->hanging = g->next;
    if (g->next != NULL)
        g->next->prev = g->prev;
    g->hangs = false;
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->set = true;
    while (e->hanging != NULL) {
        struct event_tasks *g = e->hanging;
        take_down(e, g);
        g->released = true;
        pthread_cond_broadcast(&g->changed);
    }
    pthread_cond_broadcast(&e->set_now);
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
    bool answer = e->set;
    pthread_mutex_unlock(&e->lock);
    return answer;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->set)
        pthread_cond_wait(&e->set_now, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(milliseconds / 1000u);
    until.tv_nsec += (long)(milliseconds % 1000u) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&e->lock);
    while (!e->set)
        if (pthread_cond_timedwait(&e->set_now, &e->lock, &until) != 0)
            break;
    bool answer = e->set;
    pthread_mutex_unlock(&e->lock);
    return answer;
}

static void *live(void *p)
{
    struct member *m = p;
    struct event_tasks *g = m->group;

    pthread_mutex_lock(&g->event->lock);
    while (g->shape == FORMING || (g->shape == COMPLETE && !g->released))
        pthread_cond_wait(&g->changed, &g->event->lock);
    bool go = g->shape == COMPLETE;
    pthread_mutex_unlock(&g->event->lock);
    if (go)
        g->run(g->arg, m->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g + n * sizeof g->member[0]);
    size_t made = 0;

    if (g == NULL)
        return NULL;
    g->event = event;
    g->run = run;
    g->arg = arg;
    g->n = n;
    if (pthread_cond_init(&g->changed, NULL) != 0) {
        free(g);
        return NULL;
    }
    pthread_mutex_lock(&event->lock);
    if (event->set)
        g->released = true;
    else
        hang_up(event, g);
    pthread_mutex_unlock(&event->lock);

    for (; made < n; made++) {
        g->member[made].group = g;
        g->member[made].index = made;
        if (pthread_create(&g->member[made].thread, NULL, live, &g->member[made]) != 0)
            break;
    }

    pthread_mutex_lock(&event->lock);
    g->shape = made == n ? COMPLETE : GIVEN_UP;
    if (made < n)
        take_down(event, g);
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&event->lock);
    if (made == n)
        return g;

    while (made-- > 0)
        pthread_join(g->member[made].thread, NULL);
    pthread_cond_destroy(&g->changed);
    free(g);
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->member[i].thread, NULL);
    pthread_cond_destroy(&g->changed);
    free(g);
}
