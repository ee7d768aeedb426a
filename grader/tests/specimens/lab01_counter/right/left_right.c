/* expect: right | two copies of the value: a writer changes the one that nobody reads, points the readers to it, waits for the last reader of the other and changes that, too */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    atomic_uint front;      /* the copy that readers take */
    atomic_uint readers[2]; /* how many are at each copy */
    int64_t copy[2];
    pthread_mutex_t writers;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c != NULL)
        pthread_mutex_init(&c->writers, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->writers);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->writers);
    const unsigned front = atomic_load(&c->front);
    c->copy[1 - front] += amount;
    atomic_store(&c->front, 1 - front);
    while (atomic_load(&c->readers[front]) != 0)
        sched_yield();
    c->copy[front] += amount;
    pthread_mutex_unlock(&c->writers);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    for (;;) {
        const unsigned front = atomic_load(&c->front);
        atomic_fetch_add(&c->readers[front], 1);
        if (atomic_load(&c->front) == front) { /* now the writer waits for us */
            const int64_t value = c->copy[front];
            atomic_fetch_sub(&c->readers[front], 1);
            return value;
        }
        atomic_fetch_sub(&c->readers[front], 1);
    }
}

struct part {
    counter_predicate *predicate;
    int64_t from, to, hits;
    pthread_t thread;
};

static void *count_part(void *arg)
{
    struct part *part = arg;
    int64_t hits = 0;
    for (int64_t i = part->from; i < part->to; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part *parts = calloc(threads, sizeof *parts);
    if (parts == NULL)
        return -1;
    unsigned started = 0;
    int64_t from = 0, sum = 0;
    for (; started < threads; started++) {
        struct part *part = &parts[started];
        part->predicate = predicate;
        part->from = from;
        part->to = from += n / threads + (started < n % threads);
        if (pthread_create(&part->thread, NULL, count_part, part) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].hits;
    }
    free(parts);
    return started == threads ? sum : -1;
}
