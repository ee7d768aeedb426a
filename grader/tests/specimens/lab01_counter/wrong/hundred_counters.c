/* expect: tests create | counters come from an array of a hundred: there is no more room although there is memory */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    _Atomic int64_t value;
    atomic_flag used;
};

static struct counter counters[100];

struct counter *counter_create(void)
{
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (!atomic_flag_test_and_set(&counters[i].used)) {
            counters[i].value = 0;
            return &counters[i];
        }
    return NULL;
}

void counter_free(struct counter *c)
{
    if (c != NULL)
        atomic_flag_clear(&c->used);
}

void counter_increment(struct counter *c)
{
    atomic_fetch_add(&c->value, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    atomic_fetch_add(&c->value, amount);
}

int64_t counter_value(struct counter *c)
{
    return atomic_load(&c->value);
}

struct job {
    counter_predicate *predicate;
    int64_t n;
    _Atomic int64_t next, sum;
};

/* Large bites at first, small ones at the end. */
static bool bite(struct job *job, unsigned threads, int64_t *from, int64_t *to)
{
    int64_t at = atomic_load(&job->next);
    do {
        if (at >= job->n)
            return false;
        int64_t size = (job->n - at) / (4 * (int64_t)threads);
        *from = at;
        *to = at + (size < 1 ? 1 : size);
    } while (!atomic_compare_exchange_weak(&job->next, &at, *to));
    return true;
}

struct helper {
    struct job *job;
    unsigned threads;
    pthread_t id;
};

static void *help(void *argument)
{
    struct helper *self = argument;
    int64_t from, to, sum = 0;
    while (bite(self->job, self->threads, &from, &to))
        for (; from < to; from++)
            if (self->job->predicate(from))
                sum++;
    atomic_fetch_add(&self->job->sum, sum);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct job job = {.predicate = predicate, .n = n};
    struct helper helpers[64];
    unsigned more = 0;
    threads += threads == 0;
    for (; more + 1 < threads; more++) {
        helpers[more] = (struct helper){.job = &job, .threads = threads};
        if (pthread_create(&helpers[more].id, NULL, help, &helpers[more]) != 0)
            break; /* those that are there do it */
    }
    help(&(struct helper){.job = &job, .threads = threads});
    while (more > 0)
        pthread_join(helpers[--more].id, NULL);
    return job.sum;
}
