/* expect: schedules counters_come_and_go | counters are kept for later in a lock-free stack, whose pop falls for A-B-A: two owners of one counter */
/*
 * Counters come from a static pool, so that making one costs no malloc. Counters that are given back
 * lie in a lock-free stack. If the pool is used up, malloc helps out.
 */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { POOL = 128 };

struct counter {
    _Alignas(64) _Atomic int64_t value;
    _Atomic(struct counter *) next; /* the one below, while it lies in the stack */
};

static struct counter pool[POOL];
static atomic_uint fresh;              /* pool[fresh] and above have never been used */
static _Atomic(struct counter *) top;  /* the stack of those given back */

static struct counter *pop(void)
{
    struct counter *first = atomic_load(&top);
    while (first != NULL) {
        struct counter *second = atomic_load(&first->next);
        /* If anybody came in between, top has changed: then first is read anew and we try again. */
        if (atomic_compare_exchange_weak(&top, &first, second))
            return first;
    }
    return NULL;
}

static void push(struct counter *counter)
{
    struct counter *first = atomic_load(&top);
    do
        atomic_store(&counter->next, first);
    while (!atomic_compare_exchange_weak(&top, &first, counter));
}

static struct counter *take_fresh(void)
{
    unsigned i = atomic_load(&fresh);
    while (i < POOL)
        if (atomic_compare_exchange_weak(&fresh, &i, i + 1))
            return &pool[i];
    return NULL;
}

static bool in_pool(const struct counter *counter)
{
    const uintptr_t address = (uintptr_t)counter;
    return address >= (uintptr_t)&pool[0] && address < (uintptr_t)&pool[POOL];
}

struct counter *counter_create(void)
{
    struct counter *counter = pop();
    if (counter == NULL)
        counter = take_fresh();
    if (counter == NULL)
        counter = aligned_alloc(64, sizeof *counter);
    if (counter == NULL)
        return NULL;
    atomic_store(&counter->value, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    if (in_pool(counter))
        push(counter);
    else
        free(counter);
}

void counter_increment(struct counter *counter)
{
    atomic_fetch_add(&counter->value, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    atomic_fetch_add(&counter->value, amount);
}

int64_t counter_value(struct counter *counter)
{
    return atomic_load(&counter->value);
}

/* A tree: who has `threads` threads to share out starts one for the upper half and keeps the lower. */
struct branch {
    counter_predicate *predicate;
    int64_t begin, end, hits;
    unsigned threads;
};

static void *count_branch(void *argument);

static int64_t count_range(counter_predicate *predicate, int64_t begin, int64_t end, unsigned threads)
{
    int64_t hits = 0;
    if (threads <= 1 || end - begin <= 1) {
        for (int64_t i = begin; i < end; i++)
            hits += predicate(i);
        return hits;
    }
    /* The upper half of the threads gets as much of the numbers: length * half / threads, rounded, and
     * without a product that could overflow. */
    const unsigned half = threads / 2;
    const int64_t length = end - begin;
    const int64_t upper = length / threads * half + length % threads * half / threads;
    struct branch branch = {predicate, end - upper, end, 0, half};
    pthread_t thread;
    const bool started = upper > 0 && pthread_create(&thread, NULL, count_branch, &branch) == 0;
    hits = count_range(predicate, begin, end - upper, threads - half);
    if (started)
        pthread_join(thread, NULL);
    else
        count_branch(&branch);
    return hits + branch.hits;
}

static void *count_branch(void *argument)
{
    struct branch *branch = argument;
    branch->hits = count_range(branch->predicate, branch->begin, branch->end, branch->threads);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    if (threads > n)
        threads = (unsigned)n;
    return count_range(predicate, 0, n, threads);
}
