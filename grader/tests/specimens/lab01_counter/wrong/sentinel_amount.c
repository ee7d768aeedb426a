/* expect: schedules extremes_meet | a slot that holds the least int64_t is taken for empty, so an addition of just that amount is lost if it is handed over */
/*
 * Flat combining. Whoever gets the lock does the additions of all; whoever does not get it puts its
 * amount into a slot and waits until somebody, maybe itself, has taken it out.
 */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 64 };
#define EMPTY INT64_MIN

struct slot {
    _Alignas(64) atomic_flag used;  /* set while a call has the slot */
    _Atomic int64_t amount;         /* EMPTY: nothing to do */
};

struct counter {
    _Alignas(64) atomic_flag combining; /* whoever has set it may change value */
    _Atomic int64_t value;
    struct slot slots[SLOTS];
};

static atomic_uint threads_seen;
static _Thread_local unsigned my_number;

struct counter *counter_create(void)
{
    struct counter *counter = aligned_alloc(64, sizeof *counter);
    if (counter == NULL)
        return NULL;
    atomic_flag_clear(&counter->combining);
    atomic_init(&counter->value, 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        atomic_flag_clear(&counter->slots[i].used);
        atomic_init(&counter->slots[i].amount, EMPTY);
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

static bool try_lock(struct counter *counter)
{
    return !atomic_flag_test_and_set_explicit(&counter->combining, memory_order_acquire);
}

static void unlock(struct counter *counter)
{
    atomic_flag_clear_explicit(&counter->combining, memory_order_release);
}

/* With the lock. The order of the additions is ours, so a sum on the way may leave int64_t. */
static void change(struct counter *counter, int64_t amount)
{
    const uint64_t old = (uint64_t)atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, (int64_t)(old + (uint64_t)amount), memory_order_release);
}

/* With the lock. An amount is taken out only after it has been added. */
static void combine(struct counter *counter)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        const int64_t amount = atomic_load_explicit(&counter->slots[i].amount, memory_order_acquire);
        if (amount == EMPTY)
            continue;
        change(counter, amount);
        atomic_store_explicit(&counter->slots[i].amount, EMPTY, memory_order_release);
    }
}

static struct slot *claim_slot(struct counter *counter)
{
    if (my_number == 0)
        my_number = 1 + atomic_fetch_add(&threads_seen, 1) % SLOTS;
    for (unsigned i = my_number - 1;; i = (i + 1) % SLOTS) {
        if (!atomic_flag_test_and_set_explicit(&counter->slots[i].used, memory_order_acquire))
            return &counter->slots[i];
        sched_yield();
    }
}

void counter_add(struct counter *counter, int64_t amount)
{
    if (try_lock(counter)) {
        change(counter, amount);
        combine(counter);
        unlock(counter);
        return;
    }
    struct slot *slot = claim_slot(counter);
    atomic_store_explicit(&slot->amount, amount, memory_order_release);
    while (atomic_load_explicit(&slot->amount, memory_order_acquire) != EMPTY) {
        if (try_lock(counter)) {
            combine(counter);
            unlock(counter);
        } else {
            sched_yield();
        }
    }
    atomic_flag_clear_explicit(&slot->used, memory_order_release);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_acquire);
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t begin, end, hits;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->begin; i < part->end; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

/* The calling thread only waits. If not all threads can be started, those that could are waited for,
 * and the calling thread does what is left. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads > 0 ? threads : 1;
    struct part *parts = malloc(count * sizeof *parts);
    if (parts == NULL)
        return -1;
    int64_t begin = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t length = n / count + (i < n % count);
        parts[i] = (struct part){.predicate = predicate, .begin = begin, .end = begin + length};
        begin += length;
    }
    unsigned started = 0;
    while (started < count && pthread_create(&parts[started].thread, NULL, count_part, &parts[started]) == 0)
        started++;
    int64_t hits = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i < started)
            pthread_join(parts[i].thread, NULL);
        else
            count_part(&parts[i]);
        hits += parts[i].hits;
    }
    free(parts);
    return hits;
}
