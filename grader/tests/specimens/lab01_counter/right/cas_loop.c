/* expect: right | compare-and-swap loop; the total goes through a counter, once for each thread */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    int64_t seen = atomic_load_explicit(&c->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&c->value, &seen, seen + amount))
        continue; /* seen is now what another thread wrote */
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load(&c->value);
}

struct slice {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to;
    struct counter *total;
};

static void *count_slice(void *arg)
{
    struct slice *slice = arg;
    int64_t hits = 0;
    for (int64_t i = slice->from; i != slice->to; i++)
        if (slice->predicate(i))
            hits++;
    counter_add(slice->total, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct slice slices[64];
    struct counter *total = counter_create();
    int64_t hits = -1, from = 0;
    unsigned started = 0;
    if (total == NULL)
        return -1;
    if (threads == 0)
        threads = 1;
    for (; started < threads; started++) {
        int64_t to = from + (n - from) / (threads - started);
        slices[started] = (struct slice){.predicate = predicate, .from = from, .to = to, .total = total};
        if (pthread_create(&slices[started].thread, NULL, count_slice, &slices[started]) != 0)
            break;
        from = to;
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(slices[i].thread, NULL);
    if (started == threads)
        hits = counter_value(total);
    counter_free(total);
    return hits;
}
