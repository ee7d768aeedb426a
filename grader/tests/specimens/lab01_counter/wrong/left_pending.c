/* expect: tests increments_are_not_lost; schedules two_increments | who does not get the lock leaves its update for the holder and returns; if it comes between the holder's last look and its unlock nobody adds it until the next update, and a reader misses it */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdatomic.h>

struct counter {
    pthread_mutex_t lock;
    int64_t value;           /* guarded by lock */
    _Atomic int64_t pending; /* what others left for whoever has the lock */
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_mutex_init(&counter->lock, NULL) != 0) {
        free(counter);
        return NULL;
    }
    counter->value = 0;
    atomic_init(&counter->pending, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->lock);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    if (pthread_mutex_trylock(&counter->lock) != 0) {
        atomic_fetch_add(&counter->pending, amount); /* whoever has the lock will add it */
        return;
    }
    counter->value += amount;
    counter->value += atomic_exchange(&counter->pending, 0);
    pthread_mutex_unlock(&counter->lock);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    int64_t value = counter->value;
    pthread_mutex_unlock(&counter->lock);
    return value;
}

struct part {
    pthread_t id;
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t hits;
};

static void *run_part(void *arg)
{
    struct part *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->begin; i < p->end; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part parts[64];
    bool started[64];
    int64_t begin = 0;
    for (unsigned t = 0; t < threads; t++) {
        int64_t size = n / threads + (t < n % threads ? 1 : 0);
        parts[t] = (struct part){.predicate = predicate, .begin = begin, .end = begin + size};
        begin += size;
    }
    for (unsigned t = 1; t < threads; t++)
        started[t] = pthread_create(&parts[t].id, NULL, run_part, &parts[t]) == 0;
    run_part(&parts[0]);
    int64_t total = parts[0].hits;
    for (unsigned t = 1; t < threads; t++) {
        if (started[t])
            pthread_join(parts[t].id, NULL);
        else
            run_part(&parts[t]);
        total += parts[t].hits;
    }
    return total;
}
