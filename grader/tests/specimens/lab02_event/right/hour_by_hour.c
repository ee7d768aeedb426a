/* expect: right | events come from a static table claimed by compare-and-swap before malloc is asked, timed waits sleep in slices of an hour at most; each group has a creator thread that starts, and later joins, all its tasks */
#define _GNU_SOURCE
#include "event.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint8_t set;
};

#define TABLE 8
static struct event table[TABLE];
static atomic_bool taken[TABLE];

static struct event *get_memory(void)
{
    for (int i = 0; i < TABLE; i++) {
        bool no = false;
        if (atomic_compare_exchange_strong(&taken[i], &no, true))
            return &table[i];
    }
    return malloc(sizeof(struct event));
}

static void put_memory(struct event *e)
{
    for (int i = 0; i < TABLE; i++)
        if (e == &table[i]) {
            atomic_store(&taken[i], false);
            return;
        }
    free(e);
}

struct event *event_create(void)
{
    struct event *e = get_memory();
    if (e == NULL)
        return NULL;
    e->set = 0;
    if (pthread_mutex_init(&e->mutex, NULL) == 0) {
        pthread_condattr_t a;
        if (pthread_condattr_init(&a) == 0) {
            int rc = pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
            if (rc == 0)
                rc = pthread_cond_init(&e->cond, &a);
            pthread_condattr_destroy(&a);
            if (rc == 0)
                return e;
        }
        pthread_mutex_destroy(&e->mutex);
    }
    put_memory(e);
    return NULL;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->mutex);
    put_memory(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = 1;
    pthread_mutex_unlock(&e->mutex);
    pthread_cond_broadcast(&e->cond);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = 0;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    bool r = e->set != 0;
    pthread_mutex_unlock(&e->mutex);
    return r;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        pthread_cond_wait(&e->cond, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

#define NS_PER_S INT64_C(1000000000)
#define SLICE (3600 * NS_PER_S)

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

bool event_wait_for(struct event *e, unsigned ms)
{
    const int64_t end = now() + ms * INT64_C(1000000);
    pthread_mutex_lock(&e->mutex);
    while (!e->set) {
        int64_t t = now();
        if (t >= end)
            break;
        /* no more than an hour at a time, the struct below might be 32 bits wide */
        t = end - t > SLICE ? t + SLICE : end;
        struct timespec ts = { .tv_sec = t / NS_PER_S, .tv_nsec = t % NS_PER_S };
        pthread_cond_timedwait(&e->cond, &e->mutex, &ts);
    }
    bool r = e->set != 0;
    pthread_mutex_unlock(&e->mutex);
    return r;
}

/* ------------------------------------------------------------------------ */

struct part {
    struct event_tasks *whole;
    pthread_t thread;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    pthread_t creator;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    enum { BUSY, READY, FAILED } phase;
    struct part *part;
};

static int phase_of(struct event_tasks *t)
{
    pthread_mutex_lock(&t->mutex);
    while (t->phase == BUSY)
        pthread_cond_wait(&t->cond, &t->mutex);
    int p = t->phase;
    pthread_mutex_unlock(&t->mutex);
    return p;
}

static void *part_main(void *vp)
{
    struct part *p = vp;
    if (phase_of(p->whole) == READY) {
        event_wait(p->whole->event);
        p->whole->run(p->whole->arg, (size_t)(p - p->whole->part));
    }
    return NULL;
}

static void *creator_main(void *vp)
{
    struct event_tasks *t = vp;
    size_t k = 0;
    while (k < t->n) {
        t->part[k].whole = t;
        if (pthread_create(&t->part[k].thread, NULL, part_main, &t->part[k]))
            break;
        k++;
    }
    pthread_mutex_lock(&t->mutex);
    t->phase = k == t->n ? READY : FAILED;
    pthread_cond_broadcast(&t->cond);
    pthread_mutex_unlock(&t->mutex);
    for (size_t i = 0; i < k; i++)
        pthread_join(t->part[i].thread, NULL);
    return NULL;
}

static void scrap(struct event_tasks *t)
{
    pthread_join(t->creator, NULL);
    pthread_cond_destroy(&t->cond);
    pthread_mutex_destroy(&t->mutex);
    free(t->part);
    free(t);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->part = calloc(n ? n : 1, sizeof *t->part);
    if (t->part == NULL)
        goto fail_part;
    if (pthread_mutex_init(&t->mutex, NULL))
        goto fail_mutex;
    if (pthread_cond_init(&t->cond, NULL))
        goto fail_cond;
    t->event = event;
    t->run = run;
    t->arg = arg;
    t->n = n;
    t->phase = BUSY;
    if (pthread_create(&t->creator, NULL, creator_main, t))
        goto fail_creator;
    if (phase_of(t) == FAILED) {
        scrap(t);
        return NULL;
    }
    return t;
fail_creator:
    pthread_cond_destroy(&t->cond);
fail_cond:
    pthread_mutex_destroy(&t->mutex);
fail_mutex:
    free(t->part);
fail_part:
    free(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t != NULL)
        scrap(t);
}
