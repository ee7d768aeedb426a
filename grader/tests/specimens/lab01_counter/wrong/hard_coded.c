/* expect: tests expected; schedules assertion | guesses the count from how often such things come out */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    atomic_fetch_add(&c->value, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    atomic_fetch_add(&c->value, amount);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load(&c->value);
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    (void)predicate;
    (void)threads;
    return (n + 2) / 3;
}
