/* expect: schedules for those who waited then | set puts a token for each waiter into one semaphore, and whoever waits next takes one that was meant for another */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t guard;
    sem_t tokens;       /* one for each thread that a set has released */
    unsigned waiters;   /* threads for which no token has been made yet */
    unsigned long sets; /* how often it was set */
    bool set;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    if (sem_init(&e->tokens, 0, 0) != 0) {
        free(e);
        return NULL;
    }
    if (pthread_mutex_init(&e->guard, NULL) != 0) {
        sem_destroy(&e->tokens);
        free(e);
        return NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->guard);
    sem_destroy(&e->tokens);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->guard);
    if (!e->set) {
        e->set = true;
        e->sets++;
        for (; e->waiters > 0; e->waiters--)
            sem_post(&e->tokens);
    }
    pthread_mutex_unlock(&e->guard);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->guard);
    e->set = false;
    pthread_mutex_unlock(&e->guard);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->guard);
    bool set = e->set;
    pthread_mutex_unlock(&e->guard);
    return set;
}

static void take_token(struct event *e)
{
    while (sem_wait(&e->tokens) == -1 && errno == EINTR)
        ;
}

static bool queue_up(struct event *e, const struct timespec *deadline)
{
    pthread_mutex_lock(&e->guard);
    if (e->set) {
        pthread_mutex_unlock(&e->guard);
        return true;
    }
    unsigned long before = e->sets;
    e->waiters++;
    pthread_mutex_unlock(&e->guard);

    if (deadline == NULL) {
        take_token(e);
        return true;
    }
    while (sem_clockwait(&e->tokens, CLOCK_MONOTONIC, deadline) == -1)
        if (errno != EINTR) {
            pthread_mutex_lock(&e->guard);
            bool released = e->sets != before;
            if (!released)
                e->waiters--;
            pthread_mutex_unlock(&e->guard);
            if (released) /* there is a token for us, take it along */
                take_token(e);
            return released;
        }
    return true;
}

void event_wait(struct event *e)
{
    queue_up(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec d;

    if (milliseconds == 0)
        return event_is_set(e);
    clock_gettime(CLOCK_MONOTONIC, &d);
    d.tv_sec += milliseconds / 1000;
    d.tv_nsec += milliseconds % 1000 * 1000000L;
    if (d.tv_nsec >= 1000000000L)
        d.tv_sec++, d.tv_nsec -= 1000000000L;
    return queue_up(e, &d);
}

struct event_tasks {
    pthread_mutex_t guard;
    pthread_cond_t decided;
    enum { UNDECIDED, GO, GO_HOME } decision;
    size_t next_index;
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    pthread_t threads[];
};

static void *body(void *p)
{
    struct event_tasks *g = p;
    size_t index;

    pthread_mutex_lock(&g->guard);
    while (g->decision == UNDECIDED)
        pthread_cond_wait(&g->decided, &g->guard);
    bool go = g->decision == GO;
    index = g->next_index++; /* indices go by order of arrival, not of creation */
    pthread_mutex_unlock(&g->guard);

    if (go) {
        event_wait(g->event);
        g->run(g->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g + n * sizeof g->threads[0]);
    if (g == NULL)
        return NULL;
    if (pthread_mutex_init(&g->guard, NULL) != 0) {
        free(g);
        return NULL;
    }
    if (pthread_cond_init(&g->decided, NULL) != 0) {
        pthread_mutex_destroy(&g->guard);
        free(g);
        return NULL;
    }
    g->decision = UNDECIDED;
    g->next_index = 0;
    g->event = event;
    g->run = run;
    g->arg = arg;
    g->n = 0;
    while (g->n < n && pthread_create(&g->threads[g->n], NULL, body, g) == 0)
        g->n++;

    bool complete = g->n == n;
    pthread_mutex_lock(&g->guard);
    g->decision = complete ? GO : GO_HOME;
    pthread_cond_broadcast(&g->decided);
    pthread_mutex_unlock(&g->guard);
    if (!complete) {
        event_tasks_join(g);
        g = NULL;
    }
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->threads[i], NULL);
    pthread_cond_destroy(&g->decided);
    pthread_mutex_destroy(&g->guard);
    free(g);
}
