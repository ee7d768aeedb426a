/* expect: right; schedules NOT_RUN | value and number of updates change together, in one atomic of sixteen bytes */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct state {
    int64_t value, updates;
};

struct counter {
    _Alignas(16) _Atomic(struct state) state;
};

struct counter *counter_create(void)
{
    struct counter *counter = aligned_alloc(16, sizeof *counter);
    if (counter != NULL)
        atomic_init(&counter->state, (struct state){0});
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    struct state old = atomic_load(&counter->state), new;
    do {
        new.value = (int64_t)((uint64_t)old.value + (uint64_t)amount);
        new.updates = old.updates + 1;
    } while (!atomic_compare_exchange_weak(&counter->state, &old, new));
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    const struct state now = atomic_load(&counter->state);
    return now.value;
}

struct range {
    counter_predicate *predicate;
    int64_t begin, end, count;
};

static void *count_range(void *argument)
{
    struct range *range = argument;
    int64_t count = 0;
    for (int64_t number = range->begin; number < range->end; number++)
        if (range->predicate(number))
            count++;
    range->count = count;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct range ranges[64];
    pthread_t ids[64];
    unsigned started = 0;
    int64_t total = 0, begin = 0;
    if (threads == 0)
        threads = 1;
    while (started < threads) {
        struct range *mine = &ranges[started];
        const int64_t end = begin + (n - begin) / (threads - started);
        *mine = (struct range){predicate, begin, end, 0};
        if (pthread_create(&ids[started], NULL, count_range, mine) != 0)
            break;
        begin = end;
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
        total += ranges[i].count;
    }
    return started == threads ? total : -1;
}
