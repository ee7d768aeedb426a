/* expect: tests lost; schedules data-race | each call makes a lock of its own, so nobody is kept out */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    int64_t value;
};

struct counter *counter_create(void)
{
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    c->value += amount;
    pthread_mutex_unlock(&mutex);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    int64_t value = c->value;
    pthread_mutex_unlock(&mutex);
    return value;
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
