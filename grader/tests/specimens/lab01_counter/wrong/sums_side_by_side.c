/* expect: speedup count: several; speedup @sums[ | no lock and no race, but the sums of all threads are neighbours in one array and are written for each hit (false sharing) */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter
{
    pthread_mutex_t m;
    int64_t n;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof(struct counter));
    if (c && pthread_mutex_init(&c->m, NULL) != 0)
    {
        free(c);
        c = NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->m);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->m);
    c->n += amount;
    pthread_mutex_unlock(&c->m);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->m);
    int64_t n = c->n;
    pthread_mutex_unlock(&c->m);
    return n;
}

struct task
{
    counter_predicate *predicate;
    int64_t first, end;
    int64_t *sums; /* of all threads */
    unsigned me;
};

static void *work(void *argument)
{
    struct task *t = argument;
    int64_t *sums = t->sums;
    for (int64_t i = t->first; i < t->end; i++)
        if (t->predicate(i))
            sums[t->me]++;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int64_t sums[64] = {0}, total = 0;
    struct task tasks[64];
    pthread_t ids[64];
    unsigned started = 0;
    if (threads == 0)
        threads = 1;
    const int64_t share = n / threads, rest = n % threads;
    int64_t next = 0;
    for (unsigned t = 0; t < threads; t++)
    {
        int64_t length = share + (t < (unsigned)rest);
        tasks[t] = (struct task){predicate, next, next + length, sums, t};
        next += length;
    }
    while (started < threads && pthread_create(&ids[started], NULL, work, &tasks[started]) == 0)
        started++;
    for (unsigned t = 0; t < started; t++)
        pthread_join(ids[t], NULL);
    if (started < threads)
        return -1;
    for (unsigned t = 0; t < threads; t++)
        total += sums[t];
    return total;
}
