/* expect: right | relaxed atomics for the counter, strided parts */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(struct counter));
    if (c != NULL)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    atomic_fetch_add_explicit(&c->value, 1, memory_order_relaxed);
}

void counter_add(struct counter *c, int64_t amount)
{
    atomic_fetch_add_explicit(&c->value, amount, memory_order_relaxed);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

struct stride {
    counter_predicate *predicate;
    int64_t first, step, n;
};

static void *walk(void *arg)
{
    struct stride *s = arg;
    int64_t hits = 0;
    for (int64_t i = s->first; i < s->n; i += s->step)
        hits += s->predicate(i);
    return (void *)(intptr_t)hits;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads ? threads : 1;
    pthread_t *ids = malloc(count * sizeof *ids);
    struct stride *strides = malloc(count * sizeof *strides);
    int64_t sum = -1;
    unsigned started = 0;
    if (ids == NULL || strides == NULL)
        goto out;
    for (; started < count; started++) {
        strides[started] = (struct stride){predicate, started, count, n};
        if (pthread_create(&ids[started], NULL, walk, &strides[started]) != 0)
            break;
    }
    sum = 0;
    for (unsigned i = 0; i < started; i++) {
        void *hits;
        pthread_join(ids[i], &hits);
        sum += (intptr_t)hits;
    }
    if (started < count)
        sum = -1;
out:
    free(strides);
    free(ids);
    return sum;
}
