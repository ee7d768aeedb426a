/* expect: right | no lock at all: every thread writes to a slot of its own, the reader adds the slots */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 16 };

/* Threads are spread over the slots in the order in which they first write. */
static atomic_uint threads_seen;
static _Thread_local unsigned my_number;

struct slot {
    _Alignas(64) _Atomic int64_t sum;
};

struct counter {
    struct slot slots[SLOTS];
};

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c == NULL)
        return NULL;
    for (int i = 0; i < SLOTS; i++)
        atomic_init(&c->slots[i].sum, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    if (my_number == 0)
        my_number = 1 + atomic_fetch_add(&threads_seen, 1) % SLOTS;
    atomic_fetch_add(&c->slots[my_number - 1].sum, amount);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int64_t value = 0;
    for (int i = 0; i < SLOTS; i++)
        value += atomic_load(&c->slots[i].sum);
    return value;
}

struct share {
    pthread_t tid;
    counter_predicate *pred;
    int64_t from, to, found;
};

static void *search(void *p)
{
    struct share *s = p;
    int64_t found = 0;
    for (int64_t i = s->from; i < s->to; i++)
        if (s->pred(i))
            found++;
    s->found = found;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct share shares[64];
    int64_t sum = 0;
    unsigned started;
    if (threads == 0)
        threads = 1;
    for (started = 0; started < threads; started++) {
        struct share *s = &shares[started];
        s->pred = predicate;
        s->from = n * started / threads;
        s->to = n * (started + 1) / threads;
        if (pthread_create(&s->tid, NULL, search, s) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(shares[i].tid, NULL);
        sum += shares[i].found;
    }
    return started == threads ? sum : -1;
}
