/* expect: tests once; schedules assertion | hands out whole blocks and does not cut the last one at n */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

typedef int64_t i64;

struct counter {
    i64 value;
    pthread_mutex_t *lock;
};

void counter_free(struct counter *self)
{
    if (self != NULL && self->lock != NULL)
        pthread_mutex_destroy(self->lock);
    if (self != NULL)
        free(self->lock);
    free(self);
}

struct counter *counter_create(void)
{
    struct counter *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->lock = malloc(sizeof *self->lock);
    if (self->lock == NULL || pthread_mutex_init(self->lock, NULL) != 0) {
        free(self->lock);
        free(self);
        return NULL;
    }
    return self;
}

void counter_increment(struct counter *self)
{
    pthread_mutex_lock(self->lock);
    self->value++;
    pthread_mutex_unlock(self->lock);
}

void counter_add(struct counter *self, i64 amount)
{
    pthread_mutex_lock(self->lock);
    self->value += amount;
    pthread_mutex_unlock(self->lock);
}

i64 counter_value(struct counter *self)
{
    pthread_mutex_lock(self->lock);
    i64 copy = self->value;
    pthread_mutex_unlock(self->lock);
    return copy;
}

/* A queue of blocks under a mutex of its own. */
#define BLOCK_SIZE 4

struct queue {
    pthread_mutex_t lock;
    i64 next_block, blocks; /* under lock */
    i64 total;              /* under lock */
    i64 n;
    counter_predicate *predicate;
};

static i64 get_block(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    i64 block = q->next_block < q->blocks ? q->next_block++ : -1;
    pthread_mutex_unlock(&q->lock);
    return block;
}

static void *consume(void *arg)
{
    struct queue *q = arg;
    i64 block, hits = 0;
    while ((block = get_block(q)) >= 0) {
        for (i64 k = 0; k < BLOCK_SIZE; k++) {
            i64 number = block * BLOCK_SIZE + k;
            if (q->predicate(number) && number < q->n)
                hits++;
        }
    }
    pthread_mutex_lock(&q->lock);
    q->total += hits;
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

i64 counter_count(counter_predicate *predicate, i64 n, unsigned threads)
{
    struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .predicate = predicate};
    pthread_t *consumers;
    unsigned i = 0;

    q.blocks = (n + BLOCK_SIZE - 1) / BLOCK_SIZE;
    if (threads == 0)
        threads = 1;
    if ((consumers = calloc(threads, sizeof *consumers)) == NULL)
        return -1;
    for (; i < threads; i++)
        if (pthread_create(consumers + i, NULL, consume, &q) != 0)
            break;
    if (i < threads)
        consume(&q); /* somebody has to */
    while (i > 0)
        pthread_join(consumers[--i], NULL);
    free(consumers);
    pthread_mutex_destroy(&q.lock);
    return q.total;
}
