/* expect: right | C11 atomics; blocks handed out as the threads ask for them */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
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

enum { BLOCK = 1024 };

struct queue {
    counter_predicate *predicate;
    int64_t n;
    _Atomic int64_t next;
    _Atomic int64_t hits;
};

static void *take_blocks(void *arg)
{
    struct queue *q = arg;
    int64_t hits = 0, begin;
    while ((begin = atomic_fetch_add(&q->next, BLOCK)) < q->n) {
        int64_t end = begin + BLOCK < q->n ? begin + BLOCK : q->n;
        for (int64_t i = begin; i < end; i++)
            hits += q->predicate(i);
    }
    atomic_fetch_add(&q->hits, hits);
    return NULL;
}

/* If a thread cannot be started the others do its share: they just take more blocks. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct queue q = {.predicate = predicate, .n = n};
    pthread_t helpers[64];
    unsigned count = 0;
    while (count + 1 < threads && pthread_create(&helpers[count], NULL, take_blocks, &q) == 0)
        count++;
    take_blocks(&q);
    while (count > 0)
        pthread_join(helpers[--count], NULL);
    return atomic_load(&q.hits);
}
