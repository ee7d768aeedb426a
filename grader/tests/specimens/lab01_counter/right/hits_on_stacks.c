/* expect: right; schedules NOT_RUN | sem_t with a loop for EINTR; threads note the answers of a batch in a large array on their own stacks and then sum it
 * up; nothing on the heap in the count; cleanup handlers release. */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct counter {
    sem_t   free_;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter != NULL && sem_init(&counter->free_, 0, 1) != 0) {
        free(counter);
        counter = NULL;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    sem_destroy(&counter->free_);
    free(counter);
}

static void release(void *arg)
{
    sem_post(arg);
}

static int64_t add_and_get(struct counter *counter, int64_t amount)
{
    int64_t value;
    while (sem_wait(&counter->free_) != 0)
        if (errno != EINTR)
            abort();
    pthread_cleanup_push(release, &counter->free_);
    counter->value += amount;
    value = counter->value;
    pthread_cleanup_pop(1);
    return value;
}

void counter_increment(struct counter *counter)
{
    add_and_get(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    add_and_get(counter, amount);
}

int64_t counter_value(struct counter *counter)
{
    return add_and_get(counter, 0);
}

enum { BATCH = 512 * 1024 };

struct part {
    alignas(64) counter_predicate *predicate;
    int64_t   from, to, hits;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct part         *part = arg;
    alignas(64) unsigned char answers[BATCH];
    int64_t              hits = 0;
    for (int64_t at = part->from; at < part->to;) {
        int64_t size = part->to - at < BATCH ? part->to - at : BATCH;
        for (int64_t i = 0; i < size; i++)
            answers[i] = part->predicate(at + i);
        for (int64_t i = 0; i < size; i++)
            hits += answers[i];
        at += size;
    }
    part->hits = hits;
    return NULL;
}

static void join(void *arg)
{
    struct part *part = arg;
    pthread_join(part->thread, NULL);
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part parts[64];
    unsigned    made = 0;
    int64_t     at = 0, total = 0;
    if (threads == 0)
        threads = 1;
    for (unsigned i = 0; i < threads; i++) {
        int64_t length = n / threads + ((int64_t)i < n % threads ? 1 : 0);
        if (length == 0)
            break;
        parts[i] = (struct part){.predicate = predicate, .from = at, .to = at + length};
        if (pthread_create(&parts[i].thread, NULL, work, &parts[i]) != 0)
            break;
        made++;
        at += length;
    }
    for (unsigned i = 0; i < made; i++) {
        join(&parts[i]);
        total += parts[i].hits;
    }
    for (; at < n; at++) /* what no thread could be had for */
        total += predicate(at);
    return total;
}
