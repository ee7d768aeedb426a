/* expect: speedup lock | right, but every hit goes through the one counter and its lock */
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

struct walk {
    counter_predicate *predicate;
    struct counter *hits;
    int64_t from, to;
};

static void *walk(void *arg)
{
    struct walk *w = arg;
    for (int64_t i = w->from; i < w->to; i++)
        if (w->predicate(i))
            counter_increment(w->hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct walk walks[64];
    pthread_t ids[64];
    unsigned ok = 0;
    struct counter *hits = counter_create();
    if (hits == NULL)
        return -1;
    if (threads == 0)
        threads = 1;
    for (; ok < threads; ok++) {
        walks[ok] = (struct walk){predicate, hits, n * ok / threads, n * (ok + 1) / threads};
        if (pthread_create(&ids[ok], NULL, walk, &walks[ok]) != 0)
            break;
    }
    for (unsigned i = 0; i < ok; i++)
        pthread_join(ids[i], NULL);
    int64_t result = ok == threads ? counter_value(hits) : -1;
    counter_free(hits);
    return result;
}
