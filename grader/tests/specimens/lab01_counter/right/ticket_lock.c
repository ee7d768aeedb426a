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

/* The rests of the parts go to the thread that asks next: `left` numbers are handed out in ever smaller portions
 * (guided self-scheduling), under the same kind of lock. */
struct supply {
    struct ticket_lock lock;
    int64_t next, end, portions;
    counter_predicate *predicate;
    int64_t hits;
};

static int64_t fetch(struct supply *supply, int64_t *first)
{
    take(&supply->lock);
    const int64_t left = supply->end - supply->next;
    int64_t size = left / (2 * supply->portions);
    if (size == 0)
        size = left > 0;
    *first = supply->next;
    supply->next += size;
    give(&supply->lock);
    return size;
}

static void *serve(void *argument)
{
    struct supply *supply = argument;
    int64_t first, hits = 0;
    for (int64_t size; (size = fetch(supply, &first)) > 0;)
        while (size-- > 0)
            hits += supply->predicate(first++);
    take(&supply->lock);
    supply->hits += hits;
    give(&supply->lock);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct supply supply = {.end = n, .portions = threads > 0 ? threads : 1, .predicate = predicate};
    pthread_t helpers[64];
    unsigned count = 0;
    while (count + 1 < threads && pthread_create(&helpers[count], NULL, serve, &supply) == 0)
        count++;
    serve(&supply);
    while (count > 0)
        pthread_join(helpers[--count], NULL);
    return supply.hits;
}
