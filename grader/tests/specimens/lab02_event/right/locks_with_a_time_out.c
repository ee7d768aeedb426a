/* expect: right | robust mutex taken by pthread_mutex_clocklock (60 s, monotonic) in a retry loop, __sync counters, a state machine of cleared and set, named threads, unneeded broadcasts, tryjoin before join, groups in a tree started by halves through recursion */
#define _GNU_SOURCE
#include "event.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state { ST_CLEAR = 0xC1EA, ST_SET = 0x5E7 };

struct event {
    unsigned magic;
    pthread_mutex_t mx;
    pthread_cond_t cv;
    volatile enum state st;
    unsigned long calls;        /* only ever touched with __sync_* */
};

static void take(pthread_mutex_t *mx)
{
    for (;;) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += 60;
        int rc = pthread_mutex_clocklock(mx, CLOCK_MONOTONIC, &t);
        if (rc == 0)
            return;
        if (rc == EOWNERDEAD) {
            pthread_mutex_consistent(mx);
            return;
        }
        if (rc != ETIMEDOUT)
            abort();
    }
}

static void give(pthread_mutex_t *mx)
{
    int rc = pthread_mutex_unlock(mx);
    if (rc != 0)
        abort();
}

static int make_mutex(pthread_mutex_t *mx)
{
    pthread_mutexattr_t a;
    int rc = pthread_mutexattr_init(&a);
    if (rc)
        return rc;
    rc = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    if (!rc)
        rc = pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_NONE);
    if (!rc)
        rc = pthread_mutex_init(mx, &a);
    pthread_mutexattr_destroy(&a);
    return rc;
}

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    pthread_condattr_t ca;
    if (!e)
        return NULL;
    if (make_mutex(&e->mx)) {
        free(e);
        return NULL;
    }
    if (pthread_condattr_init(&ca)) {
        pthread_mutex_destroy(&e->mx);
        free(e);
        return NULL;
    }
    if (pthread_condattr_setclock(&ca, CLOCK_MONOTONIC) || pthread_cond_init(&e->cv, &ca)) {
        pthread_condattr_destroy(&ca);
        pthread_mutex_destroy(&e->mx);
        free(e);
        return NULL;
    }
    pthread_condattr_destroy(&ca);
    e->st = ST_CLEAR;
    e->magic = 0xABCD1234u;
    return e;
}

static void check(struct event *e)
{
    assert(e && e->magic == 0xABCD1234u);
    (void)__sync_add_and_fetch(&e->calls, 1);
}

void event_free(struct event *e)
{
    if (!e)
        return;
    check(e);
    pthread_cond_destroy(&e->cv);
    pthread_mutex_destroy(&e->mx);
    memset(e, 0, sizeof *e);
    free(e);
}

static void become(struct event *e, enum state to)
{
    check(e);
    take(&e->mx);
    switch (e->st) {
    case ST_CLEAR:
    case ST_SET:
        e->st = to;
        break;
    default:
        abort();
    }
    pthread_cond_broadcast(&e->cv);     /* also when cleared: all look again, once */
    give(&e->mx);
}

void event_set(struct event *e) { become(e, ST_SET); }
void event_clear(struct event *e) { become(e, ST_CLEAR); }

bool event_is_set(struct event *e)
{
    check(e);
    take(&e->mx);
    enum state s = e->st;
    give(&e->mx);
    return s == ST_SET;
}

void event_wait(struct event *e)
{
    check(e);
    take(&e->mx);
    while (e->st != ST_SET) {
        int rc = pthread_cond_wait(&e->cv, &e->mx);
        if (rc == EOWNERDEAD)
            pthread_mutex_consistent(&e->mx);
        else if (rc != 0)
            abort();
    }
    give(&e->mx);
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec t;
    check(e);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    take(&e->mx);
    for (int rc = 0; e->st != ST_SET && rc != ETIMEDOUT; ) {
        rc = pthread_cond_timedwait(&e->cv, &e->mx, &t);
        if (rc == EOWNERDEAD)
            pthread_mutex_consistent(&e->mx);
    }
    bool r = e->st == ST_SET;
    give(&e->mx);
    return r;
}

/* ------------------------------------------------------------ a tree of tasks */

struct node {
    struct event_tasks *g;
    size_t index;
    pthread_t id;
    struct node *left, *right;
};

struct event_tasks {
    pthread_mutex_t mx;
    pthread_cond_t cv;
    int verdict;                /* 0 not yet, 1 run, -1 go home */
    struct event *e;
    event_task *run;
    void *arg;
    struct node *root;
};

static void *node_main(void *p)
{
    struct node *me = p;
    struct event_tasks *g = me->g;
    char name[16];
    snprintf(name, sizeof name, "task %zu", me->index);
    (void)pthread_setname_np(pthread_self(), name);
    take(&g->mx);
    while (g->verdict == 0)
        pthread_cond_wait(&g->cv, &g->mx);
    int v = g->verdict;
    give(&g->mx);
    if (v > 0) {
        event_wait(g->e);
        g->run(g->arg, me->index);
    }
    return NULL;
}

/* starts tasks lo..hi-1; false: something failed, *at holds what was started */
static bool plant(struct event_tasks *g, struct node **at, size_t lo, size_t hi)
{
    if (lo >= hi)
        return true;
    size_t mid = lo + (hi - lo) / 2;
    struct node *nd = calloc(1, sizeof *nd);
    if (!nd)
        return false;
    nd->g = g;
    nd->index = mid;
    if (pthread_create(&nd->id, NULL, node_main, nd)) {
        free(nd);
        return false;
    }
    *at = nd;
    return plant(g, &nd->left, lo, mid) && plant(g, &nd->right, mid + 1, hi);
}

static void fell(struct node *nd)
{
    if (!nd)
        return;
    fell(nd->left);
    fell(nd->right);
    if (pthread_tryjoin_np(nd->id, NULL) != 0)
        pthread_join(nd->id, NULL);
    free(nd);
}

struct event_tasks *event_tasks_start(struct event *e, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    if (make_mutex(&g->mx)) {
        free(g);
        return NULL;
    }
    if (pthread_cond_init(&g->cv, NULL)) {
        pthread_mutex_destroy(&g->mx);
        free(g);
        return NULL;
    }
    g->e = e;
    g->run = run;
    g->arg = arg;
    bool ok = plant(g, &g->root, 0, n);
    take(&g->mx);
    g->verdict = ok ? 1 : -1;
    pthread_cond_broadcast(&g->cv);
    give(&g->mx);
    if (ok)
        return g;
    event_tasks_join(g);
    return NULL;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    fell(g->root);
    pthread_cond_destroy(&g->cv);
    pthread_mutex_destroy(&g->mx);
    free(g);
}
