/* expect: schedules value_meets_updates | counter_add leaves its update in the store buffer (release store): two threads that add and then read each miss the other one's update */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

enum { CELLS = 128 };

/* A cell for each thread, on a line of its own. Only its thread writes to it. */
struct cell {
    _Alignas(64) atomic_int_least64_t sum;
};

struct counter {
    struct cell cells[CELLS];
    struct cell shared; /* for the threads that came too late for a cell of their own */
};

static atomic_int next_thread;
static _Thread_local int my_number = -1;

/* The first threads get a cell each; all others get CELLS. */
static int next_number(void)
{
    int number = atomic_load(&next_thread);
    while (number < CELLS && !atomic_compare_exchange_weak(&next_thread, &number, number + 1))
        ;
    return number;
}

struct counter *counter_create(void)
{
    struct counter *counter = aligned_alloc(64, sizeof *counter);
    if (counter == NULL)
        return NULL;
    for (int i = 0; i < CELLS; i++)
        atomic_init(&counter->cells[i].sum, 0);
    atomic_init(&counter->shared.sum, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    if (my_number < 0)
        my_number = next_number();
    if (my_number == CELLS) {
        atomic_fetch_add(&counter->shared.sum, amount);
        return;
    }
    atomic_int_least64_t *mine = &counter->cells[my_number].sum;
    atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) + amount,
                          memory_order_release);
}

int64_t counter_value(struct counter *counter)
{
    int64_t value = atomic_load(&counter->shared.sum);
    for (int i = 0; i < CELLS; i++)
        value += atomic_load(&counter->cells[i].sum);
    return value;
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

struct part {
    counter_predicate *predicate;
    int64_t from, to;
    int64_t hits;
    pthread_t thread;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    counter_predicate *predicate = part->predicate;
    int64_t to = part->to;
    int64_t hits = 0;

    for (int64_t number = part->from; number < to; number++)
        hits += predicate(number);
    part->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part parts[64];

    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;
    if (threads > n)
        threads = (unsigned)n;

    int64_t each = n / threads, rest = n % threads, from = 0;
    for (unsigned i = 0; i < threads; i++) {
        int64_t to = from + each + (i < rest);
        parts[i] = (struct part){ .predicate = predicate, .from = from, .to = to };
        from = to;
    }

    /* The calling thread counts part 0, and whatever no thread could be started for. */
    unsigned started = 1;
    while (started < threads
           && pthread_create(&parts[started].thread, NULL, count_part, &parts[started]) == 0)
        started++;

    count_part(&parts[0]);
    int64_t total = parts[0].hits;
    for (unsigned i = started; i < threads; i++) {
        count_part(&parts[i]);
        total += parts[i].hits;
    }
    for (unsigned i = 1; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        total += parts[i].hits;
    }
    return total;
}
