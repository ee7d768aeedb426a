/* expect: right | a queue lock with nodes on the callers' stacks; each thread starts its successor, counts downwards and joins it */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

struct waiter {
    _Atomic(struct waiter *) behind;
    atomic_bool must_wait;
};

struct counter {
    _Atomic(struct waiter *) last;
    int64_t value;
};

static void line_up(struct counter *counter, struct waiter *me)
{
    atomic_init(&me->behind, NULL);
    atomic_init(&me->must_wait, true);
    struct waiter *before = atomic_exchange(&counter->last, me);
    if (before == NULL)
        return;
    atomic_store(&before->behind, me);
    while (atomic_load(&me->must_wait))
        thrd_yield();
}

static void step_out(struct counter *counter, struct waiter *me)
{
    struct waiter *behind = atomic_load(&me->behind);
    if (behind == NULL) {
        struct waiter *expected = me;
        if (atomic_compare_exchange_strong(&counter->last, &expected, NULL))
            return;
        /* somebody has lined up but not yet told us who */
        while ((behind = atomic_load(&me->behind)) == NULL)
            thrd_yield();
    }
    atomic_store(&behind->must_wait, false);
}

static int64_t add_and_fetch(struct counter *counter, int64_t amount)
{
    struct waiter me;
    line_up(counter, &me);
    int64_t now = counter->value += amount;
    step_out(counter, &me);
    return now;
}

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    atomic_init(&counter->last, NULL);
    counter->value = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    (void)add_and_fetch(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    (void)add_and_fetch(counter, amount);
}

int64_t counter_value(struct counter *counter)
{
    return add_and_fetch(counter, 0);
}

struct chain {
    counter_predicate *predicate;
    int64_t n;
    int64_t links;
};

struct link {
    const struct chain *chain;
    int64_t index;
    int64_t sum_from_here;      /* of this part and all after it */
};

static int64_t start_of(const struct chain *c, int64_t index)
{
    int64_t larger_before = index < c->n % c->links ? index : c->n % c->links;
    return c->n / c->links * index + larger_before;
}

static void *be_link(void *argument)
{
    struct link *self = argument;
    const struct chain *chain = self->chain;
    struct link next = { chain, self->index + 1, 0 };
    pthread_t successor;
    bool has_successor = next.index < chain->links
                         && pthread_create(&successor, NULL, be_link, &next) == 0;

    /* Without a successor, all to the end is this link's own. */
    int64_t bottom = start_of(chain, self->index);
    int64_t number = has_successor ? start_of(chain, next.index) : chain->n;
    int64_t hits = 0;
    while (number > bottom)
        hits += chain->predicate(--number) ? 1 : 0;

    if (has_successor)
        pthread_join(successor, NULL);
    self->sum_from_here = hits + next.sum_from_here;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;
    struct chain chain = { predicate, n, n < threads ? n : threads };
    struct link first = { &chain, 0, 0 };
    be_link(&first);
    return first.sum_from_here;
}
