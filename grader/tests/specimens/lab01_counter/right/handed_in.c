/* expect: right | who adds hands its request in on a list; whoever gets the lock does the work of all */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Flat combining. */
struct request {
    struct request *next;
    int64_t amount, result;
    atomic_bool done; /* the last that is written; after that the request may vanish */
};

struct counter {
    _Atomic(struct request *) requests;
    pthread_mutex_t lock; /* guards the value */
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    atomic_init(&c->requests, NULL);
    pthread_mutex_init(&c->lock, NULL);
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void serve_all(struct counter *c)
{
    struct request *r = atomic_exchange(&c->requests, NULL);
    while (r != NULL) {
        struct request *next = r->next;
        c->value += r->amount;
        r->result = c->value;
        atomic_store_explicit(&r->done, true, memory_order_release);
        r = next;
    }
}

static int64_t ask(struct counter *c, int64_t amount)
{
    struct request mine = {.amount = amount};
    mine.next = atomic_load(&c->requests);
    while (!atomic_compare_exchange_weak(&c->requests, &mine.next, &mine))
        continue;
    /* Served, or the lock is ours and we serve; if another has taken our request, it holds the lock until it is done. */
    while (!atomic_load_explicit(&mine.done, memory_order_acquire)) {
        pthread_mutex_lock(&c->lock);
        serve_all(c);
        pthread_mutex_unlock(&c->lock);
    }
    return mine.result;
}

void counter_increment(struct counter *c)
{
    ask(c, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    ask(c, amount);
}

int64_t counter_value(struct counter *c)
{
    return ask(c, 0);
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
