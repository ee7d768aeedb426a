/* expect: tests expected; schedules thread-never-joined | starts as many threads as it may, but joins no more than there are numbers */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL) {
        pthread_mutex_init(&c->mutex, NULL);
        c->value = 0;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c != NULL)
        pthread_mutex_destroy(&c->mutex);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->mutex);
    c->value += amount;
    pthread_mutex_unlock(&c->mutex);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->mutex);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->mutex);
    return value;
}

struct part {
    counter_predicate *predicate;
    int64_t from, to, hits;
    pthread_t thread;
};

static void *count_part(void *arg)
{
    if (arg == NULL)
        return NULL;
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
        if (pthread_create(&part->thread, NULL, count_part, part->from < part->to ? part : NULL) != 0)
            break;
    }
    for (unsigned i = 0; i < started && i < n; i++) { /* the others had nothing to do */
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].hits;
    }
    free(parts);
    return started == threads ? sum : -1;
}
