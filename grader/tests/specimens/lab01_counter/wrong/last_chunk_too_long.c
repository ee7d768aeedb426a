/* expect: tests once; schedules assertion | hands out whole blocks and does not cut the last one at n */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t lock;
    int64_t n;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof(struct counter));
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void counter_increment(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    c->n++;
    pthread_mutex_unlock(&c->lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->lock);
    c->n += amount;
    pthread_mutex_unlock(&c->lock);
}

int64_t counter_value(struct counter *c)
{
    int64_t n;
    pthread_mutex_lock(&c->lock);
    n = c->n;
    pthread_mutex_unlock(&c->lock);
    return n;
}

#include <stdatomic.h>

struct pot {
    counter_predicate *predicate;
    int64_t n;
    atomic_long next, found;
};

static void *eat(void *arg)
{
    struct pot *pot = arg;
    long found = 0;
    for (;;) {
        long begin = atomic_fetch_add(&pot->next, 256);
        if (begin >= pot->n)
            break;
        for (long i = begin; i < begin + 256; i++)
            if (pot->predicate(i) && i < pot->n)
                found++;
    }
    atomic_fetch_add(&pot->found, found);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct pot pot = {.predicate = predicate, .n = n};
    pthread_t tids[64];
    unsigned ok = 0;
    threads += threads == 0;
    while (ok < threads && pthread_create(&tids[ok], NULL, eat, &pot) == 0)
        ok++;
    for (unsigned i = 0; i < ok; i++)
        pthread_join(tids[i], NULL);
    return ok == threads ? pot.found : -1;
}
