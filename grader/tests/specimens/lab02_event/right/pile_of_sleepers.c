/* expect: right | no lock: sleepers pile up their stack nodes by compare-and-swap; set swaps the whole pile for a mark; who gives up wakes the pile so that it is built anew */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct node {
    struct node *below;
    atomic_int off; /* 1: taken off the pile; after that the node may vanish at any moment */
};

struct event {
    _Atomic(struct node *) pile; /* NULL: not set, nobody sleeps; SET: set; else the topmost sleeper */
};

static struct node mark;
#define SET (&mark)

static void wake(struct node *node)
{
    while (node != NULL) {
        struct node *below = node->below;
        atomic_int *off = &node->off;
        atomic_store(off, 1);
        syscall(SYS_futex, off, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); /* only an address: it need not exist any more */
        node = below;
    }
}

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e != NULL)
        atomic_init(&e->pile, NULL);
    return e;
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    struct node *old = atomic_exchange(&e->pile, SET);
    if (old != SET)
        wake(old);
}

void event_clear(struct event *e)
{
    struct node *expected = SET;
    atomic_compare_exchange_strong(&e->pile, &expected, NULL);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->pile) == SET;
}

/* Puts `me` on the pile; false: the event is set. */
static bool pile_up(struct event *e, struct node *me)
{
    struct node *top = atomic_load(&e->pile);
    atomic_init(&me->off, 0);
    do {
        if (top == SET)
            return false;
        me->below = top;
    } while (!atomic_compare_exchange_weak(&e->pile, &top, me));
    return true;
}

/* Takes all sleepers off, unless the event is set. They look for themselves and come back. */
static void scatter(struct event *e)
{
    struct node *top = atomic_load(&e->pile);
    while (top != SET && top != NULL)
        if (atomic_compare_exchange_weak(&e->pile, &top, NULL)) {
            wake(top);
            return;
        }
}

static bool sleep_on(struct event *e, const struct timespec *deadline)
{
    struct node me;
    while (pile_up(e, &me)) {
        bool late = false;
        while (atomic_load(&me.off) == 0) {
            long rc = syscall(SYS_futex, &me.off, FUTEX_WAIT_BITSET_PRIVATE, 0, late ? NULL : deadline, NULL,
                              FUTEX_BITSET_MATCH_ANY);
            if (rc == -1 && errno == ETIMEDOUT) {
                late = true;
                scatter(e); /* or somebody else has already taken us off and is about to say so */
            }
        }
        if (late)
            return event_is_set(e);
    }
    return true;
}

void event_wait(struct event *e)
{
    sleep_on(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    if (milliseconds == 0)
        return event_is_set(e);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return sleep_on(e, &t);
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
        event_wait(g->event);
        g->run(g->arg, m->index);
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
