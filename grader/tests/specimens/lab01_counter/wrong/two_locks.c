/* expect: tests lost; schedules data-race | increment and add take different locks for one value */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t increment_lock, add_lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->increment_lock, NULL);
    pthread_mutex_init(&c->add_lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->increment_lock);
    pthread_mutex_destroy(&c->add_lock);
    free(c);
}

void counter_increment(struct counter *c)
{
    pthread_mutex_lock(&c->increment_lock);
    c->value++;
    pthread_mutex_unlock(&c->increment_lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->add_lock);
    c->value += amount;
    pthread_mutex_unlock(&c->add_lock);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->increment_lock);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->increment_lock);
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
