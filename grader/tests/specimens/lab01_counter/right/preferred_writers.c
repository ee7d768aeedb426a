/* expect: right | one futex word: a bit for the holder and the number of writers that wait; writers and readers sleep on it under different bits (FUTEX_WAIT_BITSET), and who leaves wakes one writer or, if there is none, all readers */
#define _GNU_SOURCE
#include "counter.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HELD = 1, WRITER = 2, AS_WRITER = 1, AS_READER = 2 };

struct counter {
    _Atomic uint32_t word;
    int64_t value;
};

static void sleep_as(struct counter *c, uint32_t seen, uint32_t kind)
{
    syscall(SYS_futex, &c->word, FUTEX_WAIT_BITSET_PRIVATE, seen, NULL, NULL, kind);
}

static void lock_to_write(struct counter *c)
{
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong(&c->word, &seen, HELD))
        return;
    seen = atomic_fetch_add(&c->word, WRITER) + WRITER; /* from now on no reader gets in before us */
    for (;;) {
        if (seen & HELD) {
            sleep_as(c, seen, AS_WRITER);
            seen = atomic_load(&c->word);
        } else if (atomic_compare_exchange_strong(&c->word, &seen, seen - WRITER + HELD)) {
            return;
        }
    }
}

static void lock_to_read(struct counter *c)
{
    uint32_t seen = 0;
    while (!atomic_compare_exchange_strong(&c->word, &seen, HELD)) {
        if (seen != 0)
            sleep_as(c, seen, AS_READER);
        seen = 0;
    }
}

static void unlock(struct counter *c)
{
    if (atomic_fetch_sub(&c->word, HELD) - HELD >= WRITER)
        syscall(SYS_futex, &c->word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, AS_WRITER);
    else
        syscall(SYS_futex, &c->word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, AS_READER);
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL) {
        atomic_init(&c->word, 0);
        c->value = 0;
    }
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    lock_to_write(c);
    c->value += amount;
    unlock(c);
}

void counter_increment(struct counter *c) { counter_add(c, 1); }

int64_t counter_value(struct counter *c)
{
    lock_to_read(c);
    const int64_t v = c->value;
    unlock(c);
    return v;
}

struct part {
    counter_predicate *predicate;
    int64_t from, to, hits;
    pthread_t thread;
};

static void *count_part(void *v)
{
    struct part *p = v;
    int64_t hits = 0;
    for (int64_t i = p->from; i < p->to; i++)
        hits += p->predicate(i);
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part parts[64];
    unsigned k = 0;
    int64_t from = 0, total = 0;
    for (; k < threads; k++) {
        parts[k] = (struct part){.predicate = predicate, .from = from, .to = from + n / threads + (k < n % threads)};
        from = parts[k].to;
        if (pthread_create(&parts[k].thread, NULL, count_part, &parts[k]) != 0)
            break;
    }
    const bool complete = k == threads;
    while (k-- > 0) {
        pthread_join(parts[k].thread, NULL);
        total += parts[k].hits;
    }
    return complete ? total : -1;
}
