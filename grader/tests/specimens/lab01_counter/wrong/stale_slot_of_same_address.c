/* expect: tests counters_are_separate | each thread remembers its slot in the counter it used last, by the address of the counter; a new counter at the address of a freed one gets its updates written to a slot that is no longer there */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdatomic.h>

/* a slot for each thread that adds, found with one comparison if it is the same counter as last time */
struct slot {
    _Atomic int64_t sum;
    struct slot *next;
};

struct counter {
    _Atomic(struct slot *) slots;
    struct slot first;
};

static _Thread_local struct counter *last_counter;
static _Thread_local struct slot *last_slot;

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    atomic_init(&counter->first.sum, 0);
    counter->first.next = NULL;
    atomic_init(&counter->slots, &counter->first);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    struct slot *slot = atomic_load(&counter->slots);
    while (slot != &counter->first) {
        struct slot *next = slot->next;
        free(slot);
        slot = next;
    }
    free(counter);
}

static struct slot *my_slot(struct counter *counter)
{
    if (last_counter == counter)
        return last_slot;
    struct slot *slot = aligned_alloc(64, 64);
    if (slot == NULL)
        return &counter->first; /* everybody may add there, it is atomic */
    atomic_init(&slot->sum, 0);
    slot->next = atomic_load(&counter->slots);
    while (!atomic_compare_exchange_weak(&counter->slots, &slot->next, slot))
        ;
    last_counter = counter;
    last_slot = slot;
    return slot;
}

void counter_add(struct counter *counter, int64_t amount)
{
    atomic_fetch_add(&my_slot(counter)->sum, amount);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    int64_t total = 0;
    for (struct slot *slot = atomic_load(&counter->slots); slot != NULL; slot = slot->next)
        total += atomic_load(&slot->sum);
    return total;
}

struct part {
    pthread_t id;
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t hits;
};

static void *run_part(void *arg)
{
    struct part *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->begin; i < p->end; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part parts[64];
    bool started[64];
    int64_t begin = 0;
    for (unsigned t = 0; t < threads; t++) {
        int64_t size = n / threads + (t < n % threads ? 1 : 0);
        parts[t] = (struct part){.predicate = predicate, .begin = begin, .end = begin + size};
        begin += size;
    }
    for (unsigned t = 1; t < threads; t++)
        started[t] = pthread_create(&parts[t].id, NULL, run_part, &parts[t]) == 0;
    run_part(&parts[0]);
    int64_t total = parts[0].hits;
    for (unsigned t = 1; t < threads; t++) {
        if (started[t])
            pthread_join(parts[t].id, NULL);
        else
            run_part(&parts[t]);
        total += parts[t].hits;
    }
    return total;
}
