/* expect: schedules crowd_increments | a cell for each of 64 threads, changed with no lock because nobody else writes to it: the 65th thread shares the cell of the first */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CELLS 64

struct cell {
    _Alignas(64) _Atomic int64_t n;
};

struct counter {
    struct cell cell[CELLS];
};

static atomic_uint next_thread;
static _Thread_local int my_cell = -1;

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c)
        for (int i = 0; i < CELLS; i++)
            atomic_init(&c->cell[i].n, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

/* Only this thread writes to its cell, so reading and writing need not be one step. */
void counter_add(struct counter *c, int64_t amount)
{
    if (my_cell < 0)
        my_cell = (int)(atomic_fetch_add(&next_thread, 1) % CELLS);
    _Atomic int64_t *mine = &c->cell[my_cell].n;
    atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) + amount, memory_order_release);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int64_t sum = 0;
    for (int i = 0; i < CELLS; i++)
        sum += atomic_load_explicit(&c->cell[i].n, memory_order_acquire);
    return sum;
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->from; i < part->to; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part *parts = calloc(threads, sizeof *parts);
    if (!parts)
        return -1;
    int64_t sum = 0, share = n / threads, rest = n % threads, from = 0;
    unsigned started = 0;
    while (started < threads) {
        struct part *part = &parts[started];
        part->predicate = predicate;
        part->from = from;
        part->to = from = from + share + (started < rest);
        if (pthread_create(&part->thread, NULL, count_part, part) != 0)
            break;
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].hits;
    }
    free(parts);
    return started == threads ? sum : -1;
}
