/* expect: schedules misuse | the last thread signals after it has unlocked: the caller may have seen the end by then and freed the condition variable */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    c->value = 0;
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->lock);
    c->value += amount;
    pthread_mutex_unlock(&c->lock);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->lock);
    return value;
}

struct job {
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    unsigned working;
    int64_t total;
    counter_predicate *predicate;
    int64_t n;
    unsigned threads;
};

struct share {
    struct job *job;
    pthread_t id;
    unsigned index;
};

static void *work(void *arg)
{
    struct share *share = arg;
    struct job *job = share->job;
    int64_t hits = 0;
    for (int64_t i = share->index; i < job->n; i += job->threads)
        hits += job->predicate(i);
    pthread_mutex_lock(&job->lock);
    job->total += hits;
    bool last = --job->working == 0;
    pthread_mutex_unlock(&job->lock);
    if (last)
        pthread_cond_signal(&job->all_done); /* outside of the lock: the woken thread need not wait for it */
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return -1;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->all_done, NULL);
    job->working = 0;
    job->total = 0;
    job->predicate = predicate;
    job->n = n;
    job->threads = threads;
    struct share shares[64];
    unsigned started = 0;
    bool failed = false;
    while (started < threads && !failed) {
        shares[started].job = job;
        shares[started].index = started;
        pthread_mutex_lock(&job->lock);
        job->working++;
        pthread_mutex_unlock(&job->lock);
        if (pthread_create(&shares[started].id, NULL, work, &shares[started]) == 0) {
            started++;
        } else {
            pthread_mutex_lock(&job->lock);
            job->working--;
            pthread_mutex_unlock(&job->lock);
            failed = true;
        }
    }
    pthread_mutex_lock(&job->lock);
    while (job->working > 0)
        pthread_cond_wait(&job->all_done, &job->lock);
    int64_t total = job->total;
    pthread_mutex_unlock(&job->lock);
    pthread_cond_destroy(&job->all_done);
    pthread_mutex_destroy(&job->lock);
    free(job);
    for (unsigned t = 0; t < started; t++)
        pthread_join(shares[t].id, NULL);
    return failed ? -1 : total;
}
