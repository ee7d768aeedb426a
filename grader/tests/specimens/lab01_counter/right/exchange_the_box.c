/* expect: right | whoever takes the box out of the counter (an exchange with NULL) owns the value; guided blocks that get smaller */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <sched.h>
#include <stdatomic.h>

struct box {
    int64_t value;
};

struct counter {
    _Atomic(struct box *) place;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    struct box *box = malloc(sizeof *box);
    if (counter == NULL || box == NULL) {
        free(counter);
        free(box);
        return NULL;
    }
    box->value = 0;
    atomic_init(&counter->place, box);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    free(atomic_load(&counter->place));
    free(counter);
}

static int64_t change(struct counter *counter, int64_t amount)
{
    struct box *box;
    while ((box = atomic_exchange_explicit(&counter->place, NULL, memory_order_acquire)) == NULL)
        sched_yield();
    const int64_t value = box->value += amount;
    atomic_store_explicit(&counter->place, box, memory_order_release);
    return value;
}

void counter_increment(struct counter *counter)
{
    (void)change(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    (void)change(counter, amount);
}

int64_t counter_value(struct counter *counter)
{
    return change(counter, 0);
}

struct job {
    counter_predicate *predicate;
    int64_t n;
    unsigned threads;
    _Alignas(64) _Atomic int64_t next;
    _Alignas(64) _Atomic int64_t total;
};

static void *serve(void *arg)
{
    struct job *job = arg;
    int64_t hits = 0;
    int64_t from = atomic_load(&job->next);
    while (from < job->n) {
        int64_t size = (job->n - from) / (4 * (int64_t)job->threads);
        if (size < 1)
            size = 1;
        if (size > 65536)
            size = 65536;
        if (!atomic_compare_exchange_weak(&job->next, &from, from + size))
            continue;
        for (int64_t i = from; i < from + size; i++)
            hits += job->predicate(i);
        from = atomic_load(&job->next);
    }
    atomic_fetch_add(&job->total, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct job job = {.predicate = predicate, .n = n, .threads = threads == 0 ? 1 : threads};
    pthread_t ids[64];
    unsigned started = 0;
    while (started + 1 < job.threads && pthread_create(&ids[started], NULL, serve, &job) == 0)
        started++;
    serve(&job);
    while (started > 0)
        pthread_join(ids[--started], NULL);
    return atomic_load(&job.total);
}
