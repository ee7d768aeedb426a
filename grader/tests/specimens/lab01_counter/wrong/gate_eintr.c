/* expect: schedules signals_meet_updates | a thread does not look whether a signal ended its wait for the start: it then takes its part to be empty */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t lock;
    int64_t value;
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
    pthread_mutex_lock(&counter->lock);
    counter->value += amount;
    pthread_mutex_unlock(&counter->lock);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    int64_t value = counter->value;
    pthread_mutex_unlock(&counter->lock);
    return value;
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

struct job {
    counter_predicate *predicate;
    int64_t n;
    sem_t start;
    unsigned shares; /* how many threads there are: known when all have been started */
};

struct part {
    struct job *job;
    unsigned index;
    int64_t hits;
    pthread_t thread;
};

static int64_t count_share(const struct job *job, unsigned index)
{
    if (index >= job->shares)
        return 0;
    counter_predicate *predicate = job->predicate;
    int64_t each = job->n / job->shares, rest = job->n % job->shares;
    int64_t from = each * index + (index < rest ? index : rest);
    int64_t to = from + each + (index < rest);
    int64_t hits = 0;
    for (int64_t number = from; number < to; number++)
        hits += predicate(number);
    return hits;
}

static void *count_part(void *argument)
{
    struct part *part = argument;
    sem_wait(&part->job->start);
    part->hits = count_share(part->job, part->index);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part parts[64];
    struct job job = { .predicate = predicate, .n = n };

    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;
    if (threads > n)
        threads = (unsigned)n;
    if (sem_init(&job.start, 0, 0) != 0)
        return -1;

    unsigned started = 1; /* the calling thread has share 0 */
    while (started < threads) {
        parts[started] = (struct part){ .job = &job, .index = started };
        if (pthread_create(&parts[started].thread, NULL, count_part, &parts[started]) != 0)
            break;
        started++;
    }
    job.shares = started;
    for (unsigned i = 1; i < started; i++)
        sem_post(&job.start);

    int64_t total = count_share(&job, 0);
    for (unsigned i = 1; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        total += parts[i].hits;
    }
    sem_destroy(&job.start);
    return total;
}
