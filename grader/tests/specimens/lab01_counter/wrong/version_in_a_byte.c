/* expect: tests version | a sequence lock whose version has 8 bits: a reader that sleeps while 128 updates pass finds the same version again and returns halves of two different values */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <sched.h>
#include <stdatomic.h>

/* two halves, as on a machine of 32 bits; the version is odd while a writer is at work */
struct counter {
    pthread_mutex_t writers;
    _Atomic uint8_t version;
    _Atomic uint32_t high, low;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter != NULL && pthread_mutex_init(&counter->writers, NULL) != 0) {
        free(counter);
        counter = NULL;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->writers);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->writers);
    atomic_fetch_add(&counter->version, 1);
    uint64_t value = (uint64_t)counter->high << 32 | counter->low;
    value += (uint64_t)amount;
    atomic_store(&counter->high, (uint32_t)(value >> 32));
    atomic_store(&counter->low, (uint32_t)value);
    atomic_fetch_add(&counter->version, 1);
    pthread_mutex_unlock(&counter->writers);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    for (;;) {
        uint8_t version = atomic_load(&counter->version);
        uint64_t high = atomic_load(&counter->high);
        uint64_t low = atomic_load(&counter->low);
        if (version % 2 == 0 && atomic_load(&counter->version) == version)
            return (int64_t)(high << 32 | low);
        sched_yield();
    }
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
