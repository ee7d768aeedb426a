/* expect: tests lost; schedules data-race | each thread adds its part to a common total with no lock */
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

struct job {
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t *total;
};

static void *work(void *arg)
{
    struct job *job = arg;
    int64_t mine = 0;
    for (int64_t i = job->begin; i < job->end; i++)
        mine += job->predicate(i);
    *job->total += mine;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t ids[64];
    struct job jobs[64];
    int64_t total = 0;
    unsigned i, ok;
    if (threads == 0)
        threads = 1;
    for (ok = 0; ok < threads; ok++) {
        jobs[ok] = (struct job){predicate, n * ok / threads, n * (ok + 1) / threads, &total};
        if (pthread_create(&ids[ok], NULL, work, &jobs[ok]) != 0)
            break;
    }
    for (i = 0; i < ok; i++)
        pthread_join(ids[i], NULL);
    return ok < threads ? -1 : total;
}
