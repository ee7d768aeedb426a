/* expect: tests same time; schedules data-race | the state of a count stands in static variables that two counts share */
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

static counter_predicate *pred;
static int64_t limit, step;
static _Atomic int64_t sum, next_id;

static void *run(void *unused)
{
    int64_t hits = 0;
    for (int64_t i = atomic_fetch_add(&next_id, 1); i < limit; i += step)
        hits += pred(i);
    atomic_fetch_add(&sum, hits);
    return unused;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t t[64];
    unsigned i = 0;
    pred = predicate;
    limit = n;
    step = threads > 0 ? threads : 1;
    atomic_store(&sum, 0);
    atomic_store(&next_id, 0);
    while (i < (threads > 0 ? threads : 1) && pthread_create(&t[i], NULL, run, NULL) == 0)
        i++;
    for (unsigned k = 0; k < i; k++)
        pthread_join(t[k], NULL);
    return i == (threads > 0 ? threads : 1) ? atomic_load(&sum) : -1;
}
