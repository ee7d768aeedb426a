/* expect: right | a job per thread on the heap, which the thread copies and frees before it begins */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t guard;
    int64_t count;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter != NULL && pthread_mutex_init(&counter->guard, NULL) != 0) {
        free(counter);
        return NULL;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->guard);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->guard);
    counter->count += amount;
    pthread_mutex_unlock(&counter->guard);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->guard);
    const int64_t count = counter->count;
    pthread_mutex_unlock(&counter->guard);
    return count;
}

/* The numbers first, first + step, ... below end. */
struct job {
    counter_predicate *predicate;
    int64_t first, step, end;
    _Atomic int64_t *total;
};

static void *work(void *argument)
{
    const struct job job = *(struct job *)argument;
    int64_t found = 0;
    free(argument);
    for (int64_t number = job.first; number < job.end; number += job.step)
        found += job.predicate(number);
    atomic_fetch_add_explicit(job.total, found, memory_order_relaxed);
    return NULL;
}

static bool start(pthread_t *thread, struct job job)
{
    struct job *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return false;
    *copy = job;
    if (pthread_create(thread, NULL, work, copy) == 0)
        return true;
    free(copy);
    return false;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t started[64];
    unsigned count = 0;
    _Atomic int64_t total = 0;
    if (threads == 0)
        threads = 1;
    while (count < threads && start(&started[count], (struct job){predicate, count, threads, n, &total}))
        count++;
    for (unsigned i = 0; i < count; i++)
        pthread_join(started[i], NULL);
    return count == threads ? (int64_t)total : -1;
}
