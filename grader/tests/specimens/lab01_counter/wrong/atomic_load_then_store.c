/* expect: tests lost; schedules assertion | atomic read, then atomic write: the two together are not atomic */
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
    atomic_store(&c->value, atomic_load(&c->value) + 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    int64_t old = atomic_load(&c->value);
    atomic_store(&c->value, old + amount);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load(&c->value);
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
