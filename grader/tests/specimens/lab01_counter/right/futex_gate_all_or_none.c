/* expect: right | threads wait at a gate until all are there, or none calls the predicate and the result is -1 */
#include "counter.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleeps if *word is still `expected`. May return at any time; who calls it looks again. */
static void futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int how_many)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

enum { FREE, TAKEN, TAKEN_AND_WANTED };

struct counter {
    _Atomic uint32_t state;
    int64_t value;
};

static void acquire(struct counter *c)
{
    uint32_t was = FREE;
    if (atomic_compare_exchange_strong(&c->state, &was, TAKEN))
        return;
    while (atomic_exchange(&c->state, TAKEN_AND_WANTED) != FREE)
        futex_wait(&c->state, TAKEN_AND_WANTED);
}

static void release(struct counter *c)
{
    if (atomic_exchange(&c->state, FREE) == TAKEN_AND_WANTED)
        futex_wake(&c->state, 1);
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    atomic_init(&c->state, FREE);
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    acquire(c);
    c->value += 1;
    release(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    acquire(c);
    c->value += amount;
    release(c);
}

int64_t counter_value(struct counter *c)
{
    acquire(c);
    int64_t value = c->value;
    release(c);
    return value;
}

/* ---- counting ---- */

enum { CLOSED, OPEN, CALLED_OFF };

struct gate {
    _Atomic uint32_t state;
};

struct runner {
    struct gate *gate;
    counter_predicate *predicate;
    int64_t begin, end, hits;
    pthread_t thread;
};

static uint32_t gate_pass(struct gate *gate)
{
    uint32_t state;
    while ((state = atomic_load(&gate->state)) == CLOSED)
        futex_wait(&gate->state, CLOSED);
    return state;
}

static void gate_set(struct gate *gate, uint32_t state)
{
    atomic_store(&gate->state, state);
    futex_wake(&gate->state, INT_MAX);
}

static void *run(void *arg)
{
    struct runner *r = arg;
    if (gate_pass(r->gate) == CALLED_OFF)
        return NULL;
    int64_t hits = 0;
    for (int64_t i = r->begin, end = r->end; i < end; i++)
        if (r->predicate(i))
            hits++;
    r->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;

    struct gate gate;
    atomic_init(&gate.state, CLOSED);
    struct runner runners[64];
    int64_t at = n;                         /* parts from the top down: why not */
    for (unsigned i = 0; i < threads; i++) {
        int64_t size = n / threads + ((int64_t)i < n % threads);
        runners[i] = (struct runner){ .gate = &gate, .predicate = predicate,
                                      .begin = at - size, .end = at };
        at -= size;
    }

    unsigned there = 1;                     /* runner 0 is the calling thread */
    while (there < threads
           && pthread_create(&runners[there].thread, NULL, run, &runners[there]) == 0)
        there++;

    bool complete = there == threads;
    gate_set(&gate, complete ? OPEN : CALLED_OFF);
    run(&runners[0]);

    int64_t total = runners[0].hits;
    for (unsigned i = 1; i < there; i++) {
        pthread_join(runners[i].thread, NULL);
        total += runners[i].hits;
    }
    return complete ? total : -1;
}
