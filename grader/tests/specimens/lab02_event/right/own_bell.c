/* expect: right | a ring of waiters, each with a condition of its own on its stack and the lock of the event; event_set takes each out of the ring, so it comes back even if the event is cleared again */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "event.h"

struct link {
    struct link *left, *right;
};

struct waiter {
    struct link link;           /* first, so that a link is its waiter */
    pthread_cond_t bell;
    bool rung;
};

struct event {
    pthread_mutex_t lock;
    struct link ring;
    bool set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);

    if (event != NULL) {
        event->ring.left = event->ring.right = &event->ring;
        event->set = false;
        if (pthread_mutex_init(&event->lock, NULL) != 0) {
            free(event);
            event = NULL;
        }
    }
    return event;
}

void event_free(struct event *event)
{
    if (event != NULL)
        pthread_mutex_destroy(&event->lock);
    free(event);
}

static void unlink_it(struct link *l)
{
    l->left->right = l->right;
    l->right->left = l->left;
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = true;
    while (event->ring.right != &event->ring) {
        struct waiter *w = (struct waiter *)event->ring.right;
        unlink_it(&w->link);
        w->rung = true;
        pthread_cond_signal(&w->bell);      /* it is the only one who sleeps here */
    }
    pthread_mutex_unlock(&event->lock);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = false;
    pthread_mutex_unlock(&event->lock);
}

bool event_is_set(struct event *event)
{
    bool set;

    pthread_mutex_lock(&event->lock);
    set = event->set;
    pthread_mutex_unlock(&event->lock);
    return set;
}

/* With the lock held. */
static bool sleep_in_ring(struct event *event, const struct timespec *moment)
{
    struct waiter me = { .bell = PTHREAD_COND_INITIALIZER, .rung = false };
    int rc = 0;

    me.link.right = &event->ring;
    me.link.left = event->ring.left;
    me.link.left->right = &me.link;
    event->ring.left = &me.link;
    while (!me.rung && rc != ETIMEDOUT) {
        if (moment == NULL)
            rc = pthread_cond_wait(&me.bell, &event->lock);
        else
            rc = pthread_cond_clockwait(&me.bell, &event->lock, CLOCK_MONOTONIC, moment);
    }
    if (!me.rung)
        unlink_it(&me.link);
    pthread_cond_destroy(&me.bell);
    return me.rung;
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    if (!event->set)
        sleep_in_ring(event, NULL);
    pthread_mutex_unlock(&event->lock);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec moment;
    bool ok;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    ldiv_t more = ldiv(moment.tv_nsec + milliseconds % 1000 * 1000000L, 1000000000L);
    moment.tv_sec += (time_t)(milliseconds / 1000) + more.quot;
    moment.tv_nsec = more.rem;

    pthread_mutex_lock(&event->lock);
    ok = event->set || (milliseconds != 0 && sleep_in_ring(event, &moment));
    pthread_mutex_unlock(&event->lock);
    return ok;
}

/* Tasks. The group is a chain in which each thread's block is allocated apart; a started thread
 * asks for the answer of its group under the lock of the group. */
enum answer { NOT_YET, YES, NO };

struct worker {
    struct event_tasks *boss;
    size_t number;
    pthread_t thread;
};

struct event_tasks {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    enum answer answer;
    struct event *event;
    event_task *run;
    void *arg;
    size_t count;
    struct worker *workers;
};

static enum answer ask(struct event_tasks *t)
{
    enum answer answer;

    pthread_mutex_lock(&t->lock);
    while ((answer = t->answer) == NOT_YET)
        pthread_cond_wait(&t->answered, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return answer;
}

static void *work(void *arg)
{
    const struct worker *w = arg;

    if (ask(w->boss) == NO)
        return NULL;
    event_wait(w->boss->event);
    w->boss->run(w->boss->arg, w->number);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = t->count; i > 0; i--)
        pthread_join(t->workers[i - 1].thread, NULL);
    pthread_cond_destroy(&t->answered);
    pthread_mutex_destroy(&t->lock);
    free(t->workers);
    free(t);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t);
    struct worker *workers = calloc(n + 1, sizeof *workers);

    if (t == NULL || workers == NULL) {
        free(workers);
        free(t);
        return NULL;
    }
    *t = (struct event_tasks){
        .lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER, .answer = NOT_YET,
        .event = event, .run = run, .arg = arg, .count = 0, .workers = workers,
    };
    while (t->count < n) {
        struct worker *w = &workers[t->count];
        w->boss = t;
        w->number = t->count;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            break;
        t->count++;
    }
    pthread_mutex_lock(&t->lock);
    t->answer = t->count == n ? YES : NO;
    pthread_cond_broadcast(&t->answered);
    pthread_mutex_unlock(&t->lock);
    if (t->count < n) {
        event_tasks_join(t);
        t = NULL;
    }
    return t;
}
