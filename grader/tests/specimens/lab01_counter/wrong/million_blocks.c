/* expect: tests at the same time | blocks of a million numbers: one thread has all of a count of that size, the others nothing to do */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter { _Atomic int64_t value; };

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c) { free(c); }

void counter_increment(struct counter *c)
{
    atomic_fetch_add_explicit(&c->value, 1, memory_order_acq_rel);
}

void counter_add(struct counter *c, int64_t amount)
{
    atomic_fetch_add_explicit(&c->value, amount, memory_order_acq_rel);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_acquire);
}

#define BLOCK ((int64_t)1 << 20)        /* large, so that fetching costs nothing */

struct job {
    counter_predicate *predicate;
    int64_t n;
    _Atomic int64_t next;
    _Atomic int64_t total;
};

static void *worker(void *arg)
{
    struct job *job = arg;
    int64_t hits = 0;

    for (;;) {
        int64_t i = atomic_load(&job->next), end;
        do {
            end = job->n - i > BLOCK ? i + BLOCK : job->n;
        } while (!atomic_compare_exchange_weak(&job->next, &i, end));
        if (i == end)
            break;
        for (; i < end; i++)
            if (job->predicate(i))
                hits++;
    }
    atomic_fetch_add(&job->total, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct job job = { .predicate = predicate, .n = n };
    pthread_t ids[64];
    unsigned started = 0;

    while (started + 1 < threads) {
        if (pthread_create(&ids[started], NULL, worker, &job) != 0)
            break;
        started++;
    }
    worker(&job);
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    return atomic_load(&job.total);
}
