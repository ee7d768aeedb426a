/* expect: speedup sum | a sum for each thread, but all sums in one cache line and written for each hit */
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

struct range {
    counter_predicate *predicate;
    int64_t from, to;
    int64_t *sum;
};

static void *count_range(void *arg)
{
    struct range *r = arg;
    for (int64_t i = r->from; i < r->to; i++)
        if (r->predicate(i))
            ++*r->sum;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    _Alignas(64) int64_t sums[64] = {0};
    struct range ranges[64];
    pthread_t ids[64];
    int64_t total = 0;
    unsigned ok = 0;
    if (threads == 0)
        threads = 1;
    for (; ok < threads; ok++) {
        ranges[ok] = (struct range){predicate, n * ok / threads, n * (ok + 1) / threads, &sums[ok]};
        if (pthread_create(&ids[ok], NULL, count_range, &ranges[ok]) != 0)
            break;
    }
    for (unsigned i = 0; i < ok; i++) {
        pthread_join(ids[i], NULL);
        total += sums[i];
    }
    return ok == threads ? total : -1;
}
