/* expect: right | a home-made ticket lock that yields while it waits */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct ticket_lock {
    atomic_uint next, serving;
};

static void take(struct ticket_lock *lock)
{
    unsigned mine = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != mine)
        sched_yield();
}

static void give(struct ticket_lock *lock)
{
    unsigned now = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    atomic_store_explicit(&lock->serving, now + 1, memory_order_release);
}

struct counter {
    struct ticket_lock lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    take(&counter->lock);
    counter->value += amount;
    give(&counter->lock);
}

int64_t counter_value(struct counter *counter)
{
    take(&counter->lock);
    int64_t value = counter->value;
    give(&counter->lock);
    return value;
}

struct share {
    pthread_t tid;
    counter_predicate *pred;
    int64_t from, to, found;
};

static void *search(void *p)
{
    struct share *s = p;
    int64_t found = 0;
    for (int64_t i = s->from; i < s->to; i++)
        if (s->pred(i))
            found++;
    s->found = found;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct share shares[64];
    int64_t sum = 0;
    unsigned started;
    if (threads == 0)
        threads = 1;
    for (started = 0; started < threads; started++) {
        struct share *s = &shares[started];
        s->pred = predicate;
        s->from = n * started / threads;
        s->to = n * (started + 1) / threads;
        if (pthread_create(&s->tid, NULL, search, s) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(shares[i].tid, NULL);
        sum += shares[i].found;
    }
    return started == threads ? sum : -1;
}
