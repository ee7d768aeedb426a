/* expect: schedules data-race; races race | writers lock, the reader does not */
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
    return c->n; /* only reading, what can happen? */
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
