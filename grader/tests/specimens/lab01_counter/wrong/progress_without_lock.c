/* expect: schedules data-race; races race | the result is right, but a progress variable is written with no lock */
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

static int64_t progress; /* for a look with the debugger */

struct job {
    counter_predicate *predicate;
    int64_t begin, end, hits;
};

static void *work(void *arg)
{
    struct job *job = arg;
    int64_t hits = 0;
    for (int64_t i = job->begin; i < job->end; i++) {
        if (job->predicate(i))
            hits++;
        if (i % 4096 == 0)
            progress = i;
    }
    job->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t ids[64];
    struct job jobs[64];
    int64_t total = 0;
    unsigned ok;
    if (threads == 0)
        threads = 1;
    for (ok = 0; ok < threads; ok++) {
        jobs[ok] = (struct job){predicate, n * ok / threads, n * (ok + 1) / threads, 0};
        if (pthread_create(&ids[ok], NULL, work, &jobs[ok]) != 0)
            break;
    }
    for (unsigned i = 0; i < ok; i++) {
        pthread_join(ids[i], NULL);
        total += jobs[i].hits;
    }
    progress = n;
    return ok < threads ? -1 : total;
}
