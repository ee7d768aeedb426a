/* expect: right | no lock at all: every thread writes to a slot of its own, the reader adds the slots */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 16 };

/* Threads are spread over the slots in the order in which they first write. */
static atomic_uint threads_seen;
static _Thread_local unsigned my_number;

struct slot {
    _Alignas(64) _Atomic int64_t sum;
};

struct counter {
    struct slot slots[SLOTS];
};

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c == NULL)
        return NULL;
    for (int i = 0; i < SLOTS; i++)
        atomic_init(&c->slots[i].sum, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    if (my_number == 0)
        my_number = 1 + atomic_fetch_add(&threads_seen, 1) % SLOTS;
    atomic_fetch_add(&c->slots[my_number - 1].sum, amount);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int64_t value = 0;
    for (int i = 0; i < SLOTS; i++)
        value += atomic_load(&c->slots[i].sum);
    return value;
}

/* The hits go to a counter as well: one addition for each batch, to a slot that nobody else writes to. */
struct errand {
    counter_predicate *predicate;
    struct counter *hits;
    _Atomic int64_t begun;
    int64_t n;
};

static void *run_errand(void *argument)
{
    enum { BATCH = 1024 };
    struct errand *errand = argument;
    for (;;) {
        const int64_t first = atomic_fetch_add(&errand->begun, BATCH);
        if (first >= errand->n)
            return NULL;
        int64_t hits = 0;
        for (int64_t i = first; i - first < BATCH && i < errand->n; i++)
            hits += errand->predicate(i);
        counter_add(errand->hits, hits);
    }
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct errand errand = {.predicate = predicate, .hits = counter_create(), .n = n};
    pthread_t runners[64];
    unsigned started = 0;
    int64_t result = -1;
    if (errand.hits == NULL)
        return -1;
    do
        if (pthread_create(&runners[started], NULL, run_errand, &errand) != 0)
            break;
    while (++started < threads);
    for (unsigned i = 0; i < started; i++)
        pthread_join(runners[i], NULL);
    if (started > 0)
        result = counter_value(errand.hits);
    counter_free(errand.hits);
    return result;
}
