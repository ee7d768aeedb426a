/* expect: schedules two_increments | when there is no memory for a cell of the thread's own, the update goes to a shared cell in two steps, and two such threads lose one */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* What one thread has added. Only that thread writes `sum`. */
struct cell {
    _Alignas(64) atomic_int_least64_t sum;
    const char *owner;
    struct cell *next;
};

struct counter {
    _Atomic(struct cell *) cells;
    struct cell rest; /* of the threads for whose cell there was no memory */
};

static _Thread_local char me; /* its address tells the living threads apart */

struct counter *counter_create(void)
{
    struct counter *counter = aligned_alloc(64, sizeof *counter);
    if (counter == NULL)
        return NULL;
    atomic_init(&counter->cells, NULL);
    atomic_init(&counter->rest.sum, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    for (struct cell *cell = atomic_load(&counter->cells); cell != NULL;) {
        struct cell *next = cell->next;
        free(cell);
        cell = next;
    }
    free(counter);
}

static struct cell *my_cell(struct counter *counter)
{
    struct cell *cell = atomic_load(&counter->cells);
    for (; cell != NULL; cell = cell->next)
        if (cell->owner == &me)
            return cell;
    cell = aligned_alloc(64, sizeof *cell);
    if (cell == NULL)
        return &counter->rest;
    atomic_init(&cell->sum, 0);
    cell->owner = &me;
    cell->next = atomic_load(&counter->cells);
    while (!atomic_compare_exchange_weak(&counter->cells, &cell->next, cell))
        ;
    return cell;
}

void counter_add(struct counter *counter, int64_t amount)
{
    struct cell *cell = my_cell(counter);
    atomic_store(&cell->sum, atomic_load(&cell->sum) + amount);
}

int64_t counter_value(struct counter *counter)
{
    int64_t value = atomic_load(&counter->rest.sum);
    for (struct cell *cell = atomic_load(&counter->cells); cell != NULL; cell = cell->next)
        value += atomic_load(&cell->sum);
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
