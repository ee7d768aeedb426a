/* expect: tests clear_and_reuse | a sleeper looks only whether the count of sets has changed, and the count has eight bits */
// One kind of struct for both, one word of flag bits in each. The threads of a group start one another.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "event.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define F_SET      (1u << 0)
#define F_COMPLETE (1u << 1)
#define F_BROKEN   (1u << 2)

struct core {
    pthread_mutex_t m;
    pthread_cond_t c;
    unsigned flags;
    unsigned char round; // how often news was told
};

struct event {
    struct core k;
};

struct event_tasks {
    struct core k;
    struct event *event;
    event_task *run;
    void *arg;
    size_t n, begun;
    pthread_t thread[];
};

static int core_init(struct core *k)
{
    k->flags = 0;
    k->round = 0;
    if (pthread_mutex_init(&k->m, NULL))
        return -1;
    if (pthread_cond_init(&k->c, NULL)) {
        pthread_mutex_destroy(&k->m);
        return -1;
    }
    return 0;
}

static void core_done(struct core *k)
{
    pthread_cond_destroy(&k->c);
    pthread_mutex_destroy(&k->m);
}

// Switches bits on and off and tells everybody if that is news.
static void core_change(struct core *k, unsigned on, unsigned off)
{
    pthread_mutex_lock(&k->m);
    unsigned news = on & ~k->flags;
    k->flags = (k->flags & ~off) | on;
    if (news) {
        k->round++;
        pthread_cond_broadcast(&k->c);
    }
    pthread_mutex_unlock(&k->m);
}

// With the mutex held: sleeps until one of the bits is on or has been on meanwhile. False: `end` came first.
static bool core_await(struct core *k, unsigned bits, const struct timespec *end)
{
    const unsigned char round = k->round;
    int late = 0;
    if (k->flags & bits)
        return true;
    while (k->round == round && !late) {
        if (end)
            late = pthread_cond_clockwait(&k->c, &k->m, CLOCK_MONOTONIC, end);
        else
            pthread_cond_wait(&k->c, &k->m);
    }
    return (k->flags & bits) || k->round != round;
}

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e && core_init(&e->k)) {
        free(e);
        return NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e) {
        core_done(&e->k);
        free(e);
    }
}

void event_set(struct event *e)
{
    core_change(&e->k, F_SET, 0);
}

void event_clear(struct event *e)
{
    core_change(&e->k, 0, F_SET);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->k.m);
    bool set = (e->k.flags & F_SET) != 0;
    pthread_mutex_unlock(&e->k.m);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->k.m);
    core_await(&e->k, F_SET, NULL);
    pthread_mutex_unlock(&e->k.m);
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    unsigned long long ns = (unsigned long long)end.tv_nsec + 1000000ull * ms;
    end = (struct timespec){ .tv_sec = end.tv_sec + (time_t)(ns / 1000000000ull), .tv_nsec = (long)(ns % 1000000000ull) };

    pthread_mutex_lock(&e->k.m);
    bool set = core_await(&e->k, F_SET, &end);
    pthread_mutex_unlock(&e->k.m);
    return set;
}

static void *link_main(void *p)
{
    struct event_tasks *g = p;
    unsigned verdict = 0;

    pthread_mutex_lock(&g->k.m);
    size_t index = g->begun++;
    if (g->begun == g->n)
        verdict = F_COMPLETE;
    else if (pthread_create(&g->thread[g->begun], NULL, link_main, g)) // the next one has to wait for the mutex
        verdict = F_BROKEN;
    if (verdict) {
        g->k.flags |= verdict;
        g->k.round++;
        pthread_cond_broadcast(&g->k.c);
    } else {
        core_await(&g->k, F_COMPLETE | F_BROKEN, NULL);
    }
    bool broken = (g->k.flags & F_BROKEN) != 0;
    pthread_mutex_unlock(&g->k.m);

    if (!broken) {
        event_wait(g->event);
        g->run(g->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g + n * sizeof g->thread[0]);
    if (!g)
        return NULL;
    if (core_init(&g->k)) {
        free(g);
        return NULL;
    }
    g->event = event;
    g->run = run;
    g->arg = arg;
    g->n = n;
    g->begun = 0;
    pthread_mutex_lock(&g->k.m);
    if (n == 0)
        g->k.flags |= F_COMPLETE;
    else if (pthread_create(&g->thread[0], NULL, link_main, g))
        g->k.flags |= F_BROKEN;
    core_await(&g->k, F_COMPLETE | F_BROKEN, NULL);
    bool broken = (g->k.flags & F_BROKEN) != 0;
    g->n = g->begun; // every thread that exists has begun: the one that broke the chain was the last
    pthread_mutex_unlock(&g->k.m);
    if (broken) {
        event_tasks_join(g);
        return NULL;
    }
    return g;
}

void event_tasks_join(struct event_tasks *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pthread_join(g->thread[i], NULL);
    core_done(&g->k);
    free(g);
}
