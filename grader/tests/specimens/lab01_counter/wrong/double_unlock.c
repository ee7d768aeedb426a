/* expect: schedules misuse | a wrapper has unlocked already when the function unlocks once more at its end */
#include "counter.h"
#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    long long number;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c != NULL)
        pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

/* Changes the number and gives the lock back. */
static void change_and_unlock(struct counter *c, int64_t by)
{
    c->number += by;
    pthread_mutex_unlock(&c->mutex);
}

void counter_increment(struct counter *c)
{
    pthread_mutex_lock(&c->mutex);
    change_and_unlock(c, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->mutex);
    if (amount != 0)
        change_and_unlock(c, amount);
    pthread_mutex_unlock(&c->mutex);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->mutex);
    long long n = c->number;
    pthread_mutex_unlock(&c->mutex);
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
