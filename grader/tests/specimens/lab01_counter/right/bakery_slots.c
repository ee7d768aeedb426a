/* expect: right | lamport's bakery: whoever wants in claims a place on the bench and draws a number; sums come back as the threads' exit values */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PLACES 8

struct place {
    atomic_bool taken;    /* somebody sits here */
    atomic_bool choosing;
    atomic_ullong number; /* 0: does not want in */
};

struct counter {
    struct place bench[PLACES];
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    for (int i = 0; i < PLACES; i++) {
        atomic_init(&c->bench[i].taken, false);
        atomic_init(&c->bench[i].choosing, false);
        atomic_init(&c->bench[i].number, 0);
    }
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

static int sit_down(struct counter *c)
{
    for (;;) {
        for (int i = 0; i < PLACES; i++)
            if (!atomic_exchange(&c->bench[i].taken, true))
                return i;
        sched_yield();
    }
}

static int lock(struct counter *c)
{
    int me = sit_down(c);
    struct place *mine = &c->bench[me];

    atomic_store(&mine->choosing, true);
    unsigned long long highest = 0;
    for (int i = 0; i < PLACES; i++) {
        unsigned long long other = atomic_load(&c->bench[i].number);
        if (other > highest)
            highest = other;
    }
    unsigned long long number = highest + 1;
    atomic_store(&mine->number, number);
    atomic_store(&mine->choosing, false);

    for (int i = 0; i < PLACES; i++) {
        if (i == me)
            continue;
        while (atomic_load(&c->bench[i].choosing))
            sched_yield();
        for (;;) {
            unsigned long long other = atomic_load(&c->bench[i].number);
            if (other == 0 || other > number || (other == number && i > me))
                break;
            sched_yield();
        }
    }
    return me;
}

static void unlock(struct counter *c, int me)
{
    atomic_store(&c->bench[me].number, 0);
    atomic_store(&c->bench[me].taken, false);
}

void counter_add(struct counter *c, int64_t amount)
{
    int me = lock(c);
    c->value += amount;
    unlock(c, me);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int me = lock(c);
    int64_t value = c->value;
    unlock(c, me);
    return value;
}

struct share {
    counter_predicate *predicate;
    int64_t first, step, n;
};

static int64_t add_up(const struct share *s)
{
    int64_t sum = 0;
    for (int64_t i = s->first; i < s->n; i += s->step)
        sum += s->predicate(i) ? 1 : 0;
    return sum;
}

static void *body(void *arg)
{
    pthread_exit((void *)(intptr_t)add_up(arg));
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t id[64];
    struct share share[64];
    bool started[64];

    if (threads < 1)
        threads = 1;
    for (unsigned t = 0; t < threads; t++)
        share[t] = (struct share){ predicate, t, threads, n };
    for (unsigned t = 1; t < threads; t++)
        started[t] = pthread_create(&id[t], NULL, body, &share[t]) == 0;
    int64_t sum = add_up(&share[0]);
    for (unsigned t = 1; t < threads; t++) {
        if (started[t]) {
            void *result;
            pthread_join(id[t], &result);
            sum += (intptr_t)result;
        } else {
            sum += add_up(&share[t]); /* nobody else does it */
        }
    }
    return sum;
}
