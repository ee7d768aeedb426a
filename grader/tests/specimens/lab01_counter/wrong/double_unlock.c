/* expect: tests lost; schedules data-race | the semaphore that is the lock is posted twice by one path: from then on two may enter */
#include "counter.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

struct counter {
    sem_t free; /* 1: nobody changes the number */
    long long number;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c != NULL)
        sem_init(&c->free, 0, 1);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    sem_destroy(&c->free);
    free(c);
}

/* Changes the number and gives the lock back. */
static void change_and_unlock(struct counter *c, int64_t by)
{
    c->number += by;
    sem_post(&c->free);
}

void counter_increment(struct counter *c)
{
    while (sem_wait(&c->free) != 0)
        continue;
    change_and_unlock(c, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    while (sem_wait(&c->free) != 0)
        continue;
    if (amount != 0)
        change_and_unlock(c, amount);
    sem_post(&c->free);
}

int64_t counter_value(struct counter *c)
{
    while (sem_wait(&c->free) != 0)
        continue;
    long long n = c->number;
    sem_post(&c->free);
    return n;
}

struct range {
    counter_predicate *is_hit;
    int64_t begin, end, hits;
};

static void *scan(void *arg)
{
    struct range *r = arg;
    int64_t hits = 0;
    for (int64_t x = r->begin; x != r->end; ++x)
        hits += r->is_hit(x);
    r->hits = hits;
    return arg;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct range r[64];
    pthread_t id[64];
    unsigned k, ok = 0;
    int64_t sum = 0, per;
    threads += threads == 0;
    per = n / threads;
    for (k = 0; k < threads; k++) {
        r[k].is_hit = predicate;
        r[k].begin = per * k;
        r[k].end = k + 1 < threads ? per * (k + 1) : n;
        if (pthread_create(&id[k], NULL, scan, &r[k]))
            break;
        ok++;
    }
    for (k = 0; k < ok; k++) {
        void *p;
        pthread_join(id[k], &p);
        sum += ((struct range *)p)->hits;
    }
    return ok == threads ? sum : -1;
}
