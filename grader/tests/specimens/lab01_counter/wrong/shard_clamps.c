/* expect: tests adds_are_not_lost | an addition that would overflow its thread's share is dropped, although the value stays within int64_t */
/* 64 shards, one cache line each; a thread always uses the same one. */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SHARDS = 64 };

struct shard {
    _Alignas(64) _Atomic int64_t sum;
};

struct counter {
    struct shard shards[SHARDS];
};

static atomic_uint threads_seen;
static _Thread_local unsigned my_number; /* 0: none yet */

static struct shard *my_shard(struct counter *counter)
{
    if (my_number == 0)
        my_number = 1 + atomic_fetch_add(&threads_seen, 1) % SHARDS;
    return &counter->shards[my_number - 1];
}

struct counter *counter_create(void)
{
    struct counter *counter = aligned_alloc(64, sizeof *counter);
    if (counter == NULL)
        return NULL;
    for (unsigned i = 0; i < SHARDS; i++)
        atomic_init(&counter->shards[i].sum, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    struct shard *shard = my_shard(counter);
    int64_t old = atomic_load(&shard->sum), sum;
    do {
        /* An overflow of signed integers is undefined. The caller sees to it that there is none;
         * should he not, we leave the sum as it is rather than let it wrap. */
        if (__builtin_add_overflow(old, amount, &sum))
            return;
    } while (!atomic_compare_exchange_weak(&shard->sum, &old, sum));
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    uint64_t sum = 0; /* unsigned: a sum on the way may leave int64_t, the last one does not */
    for (unsigned i = 0; i < SHARDS; i++)
        sum += (uint64_t)atomic_load(&counter->shards[i].sum);
    return (int64_t)sum;
}

struct part {
    counter_predicate *predicate;
    int64_t begin, end, hits;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->begin; i < part->end; i++)
        if (part->predicate(i))
            hits++;
    part->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads > 0 ? threads : 1;
    struct part parts[64];
    pthread_t ids[64];
    bool started[64];
    int64_t begin = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t length = (n - begin) / (count - i);
        parts[i] = (struct part){predicate, begin, begin + length, 0};
        begin += length;
    }
    for (unsigned i = 1; i < count; i++)
        started[i] = pthread_create(&ids[i], NULL, count_part, &parts[i]) == 0;
    count_part(&parts[0]);
    int64_t hits = parts[0].hits;
    for (unsigned i = 1; i < count; i++) {
        if (started[i])
            pthread_join(ids[i], NULL);
        else
            count_part(&parts[i]);
        hits += parts[i].hits;
    }
    return hits;
}
