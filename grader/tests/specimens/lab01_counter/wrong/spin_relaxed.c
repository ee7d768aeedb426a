/* expect: schedules data-race; races race | home-made spin lock that clears its flag with a relaxed store: relaxed where release is needed */
#include "counter.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter { atomic_bool busy; int64_t n; };

#define ACQUIRE(c) while (atomic_exchange_explicit(&(c)->busy, true, memory_order_acquire)) sched_yield()
#define RELEASE(c) atomic_store_explicit(&(c)->busy, false, memory_order_relaxed)

struct counter *counter_create(void)
{
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    ACQUIRE(c);
    c->n++;
    RELEASE(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    ACQUIRE(c);
    c->n += amount;
    RELEASE(c);
}

int64_t counter_value(struct counter *c)
{
    int64_t n;
    ACQUIRE(c);
    n = c->n;
    RELEASE(c);
    return n;
}

struct args { counter_predicate *f; int64_t i, n, by; };

static void *work(void *p)
{
    struct args *a = p;
    intptr_t hits = 0;
    for (; a->i < a->n; a->i += a->by)
        hits += a->f(a->i);
    return (void *)hits;
}

int64_t counter_count(counter_predicate *f, int64_t n, unsigned threads)
{
    struct args a[64];
    pthread_t id[64];
    int64_t sum = 0;
    unsigned t, k;
    if (!threads) threads = 1;
    for (t = 0; t < threads; t++) {
        a[t] = (struct args){f, t, n, threads};
        if (pthread_create(&id[t], 0, work, &a[t])) break;
    }
    for (k = 0; k < t; k++) {
        void *hits;
        pthread_join(id[k], &hits);
        sum += (intptr_t)hits;
    }
    return t == threads ? sum : -1;
}
