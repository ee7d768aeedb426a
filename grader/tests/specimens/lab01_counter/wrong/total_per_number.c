/* expect: tests lost; schedules data-race | all threads count straight into one variable */
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

static counter_predicate *the_predicate;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int64_t total;

static void *work(void *arg)
{
    int64_t *bounds = arg;
    for (int64_t i = bounds[0]; i < bounds[1]; i++)
        if (the_predicate(i))
            total++;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t ids[64];
    int64_t bounds[64][2], result;
    unsigned ok;
    if (threads == 0)
        threads = 1;
    pthread_mutex_lock(&one_at_a_time);
    the_predicate = predicate;
    total = 0;
    for (ok = 0; ok < threads; ok++) {
        bounds[ok][0] = n * ok / threads;
        bounds[ok][1] = n * (ok + 1) / threads;
        if (pthread_create(&ids[ok], NULL, work, bounds[ok]) != 0)
            break;
    }
    for (unsigned i = 0; i < ok; i++)
        pthread_join(ids[i], NULL);
    result = ok == threads ? total : -1;
    pthread_mutex_unlock(&one_at_a_time);
    return result;
}
