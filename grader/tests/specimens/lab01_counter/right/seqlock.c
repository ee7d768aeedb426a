/* expect: right | a sequence lock: writers keep out one another, a reader looks again if one came in between */
#include "counter.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

/* `sequence` is odd while somebody writes. The two halves of the number are atomic one by one, so a reader may see one
 * old and one new, but then it also sees that the sequence has moved. */
struct counter {
    atomic_uint sequence;
    atomic_uint low, high;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(struct counter));
    if (c == NULL)
        return NULL;
    atomic_init(&c->sequence, 0);
    atomic_init(&c->low, 0);
    atomic_init(&c->high, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

static int64_t halves(struct counter *c)
{
    const uint64_t high = atomic_load_explicit(&c->high, memory_order_relaxed);
    return (int64_t)(high << 32 | atomic_load_explicit(&c->low, memory_order_relaxed));
}

void counter_add(struct counter *c, int64_t amount)
{
    unsigned before = atomic_load_explicit(&c->sequence, memory_order_relaxed) & ~1u;
    while (!atomic_compare_exchange_weak_explicit(&c->sequence, &before, before + 1, memory_order_acquire,
                                                  memory_order_relaxed)) {
        if (before & 1)
            sched_yield();
        before &= ~1u;
    }
    atomic_thread_fence(memory_order_release);
    const uint64_t sum = (uint64_t)halves(c) + (uint64_t)amount;
    atomic_store_explicit(&c->low, (unsigned)sum, memory_order_relaxed);
    atomic_store_explicit(&c->high, (unsigned)(sum >> 32), memory_order_relaxed);
    atomic_store_explicit(&c->sequence, before + 2, memory_order_release);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    for (;; sched_yield()) {
        const unsigned before = atomic_load_explicit(&c->sequence, memory_order_acquire);
        const int64_t value = halves(c);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(&c->sequence, memory_order_relaxed) == before)
            return value;
    }
}

struct span {
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static int cross(void *argument)
{
    struct span *span = argument;
    int64_t hits = 0;
    for (int64_t i = span->from; i < span->to; i++)
        if (span->predicate(i))
            hits++;
    span->hits = hits;
    return 0;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct span spans[64];
    thrd_t ids[64];
    bool own[64]; /* has a thread of its own */
    int64_t hits = 0;
    const unsigned count = threads == 0 ? 1 : threads;
    for (unsigned i = 0; i < count; i++)
        spans[i] = (struct span){predicate, n * i / count, n * (i + 1) / count, 0};
    for (unsigned i = 1; i < count; i++)
        own[i] = thrd_create(&ids[i], cross, &spans[i]) == thrd_success;
    cross(&spans[0]);
    hits += spans[0].hits;
    for (unsigned i = 1; i < count; i++) {
        if (own[i])
            thrd_join(ids[i], NULL);
        else
            cross(&spans[i]);
        hits += spans[i].hits;
    }
    return hits;
}
