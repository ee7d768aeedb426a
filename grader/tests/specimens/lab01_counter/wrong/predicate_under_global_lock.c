/* expect: tests predicate; schedules deadlock | one lock for the whole file, held while the predicate runs: it locks itself out */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;

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

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&big_lock);
    c->value += amount;
    pthread_mutex_unlock(&big_lock);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&big_lock);
    int64_t value = c->value;
    pthread_mutex_unlock(&big_lock);
    return value;
}

struct part {
    counter_predicate *predicate;
    int64_t i, n;
    unsigned step;
    int64_t *total;
};

static void *count(void *arg)
{
    struct part *p = arg;
    for (; p->i < p->n; p->i += p->step) {
        pthread_mutex_lock(&big_lock);
        if (p->predicate(p->i))
            ++*p->total;
        pthread_mutex_unlock(&big_lock);
    }
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t ids[64];
    struct part parts[64];
    int64_t total = 0;
    unsigned ok = 0;
    if (threads == 0)
        threads = 1;
    for (; ok < threads; ok++) {
        parts[ok] = (struct part){predicate, ok, n, threads, &total};
        if (pthread_create(&ids[ok], NULL, count, &parts[ok]) != 0)
            break;
    }
    for (unsigned k = 0; k < ok; k++)
        pthread_join(ids[k], NULL);
    return ok == threads ? total : -1;
}
