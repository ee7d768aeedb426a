/* expect: right | lock-free boxes that are used again: an index with a tag that changes at each swap, so no ABA */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The number stands in one of BOXES boxes. The head is the box's index in its low byte and the number of swaps above it.
 * A box that is not the current one may be claimed by one thread at a time, which fills it and swaps it in: the swap
 * succeeds only if no other has happened since the look, however the boxes went round in between. */
enum { BOXES = 200 }; /* more than there are ever threads at once; else whoever finds none looks again */

struct counter {
    _Atomic uint64_t head;
    atomic_bool claimed[BOXES];
    _Atomic int64_t boxes[BOXES];
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c != NULL)
        atomic_store(&c->claimed[0], true);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

static unsigned claim(struct counter *c)
{
    unsigned i = 0;
    while (atomic_exchange(&c->claimed[i], true))
        i = (i + 1) % BOXES;
    return i;
}

void counter_add(struct counter *c, int64_t amount)
{
    const unsigned mine = claim(c);
    uint64_t head = atomic_load(&c->head);
    do
        atomic_store(&c->boxes[mine], atomic_load(&c->boxes[head & 0xff]) + amount);
    while (!atomic_compare_exchange_strong(&c->head, &head, ((head >> 8) + 1) << 8 | mine));
    atomic_store(&c->claimed[head & 0xff], false);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    for (;;) {
        const uint64_t head = atomic_load(&c->head);
        const int64_t value = atomic_load(&c->boxes[head & 0xff]);
        if (atomic_load(&c->head) == head)
            return value;
    }
}

typedef struct node {
    counter_predicate *predicate;
    int64_t from, to;
    unsigned threads;
} node_t;

/* Splits what it is given until a thread is left for each piece; -1 if one cannot be had. */
static int64_t count(node_t node);

static void *count_in_thread(void *p)
{
    node_t *node = p;
    node->from = count(*node);
    return NULL;
}

static int64_t count(node_t node)
{
    if (node.threads <= 1) {
        int64_t hits = 0;
        for (int64_t i = node.from; i < node.to; i++)
            hits += node.predicate(i);
        return hits;
    }
    const unsigned theirs = node.threads / 2;
    const int64_t middle = node.from + (node.to - node.from) / node.threads * theirs;
    node_t other = {node.predicate, node.from, middle, theirs};
    pthread_t id;
    if (pthread_create(&id, NULL, count_in_thread, &other) != 0)
        return -1;
    const int64_t hits = count((node_t){node.predicate, middle, node.to, node.threads - theirs});
    pthread_join(id, NULL);
    return hits < 0 || other.from < 0 ? -1 : hits + other.from;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    return count((node_t){predicate, 0, n, threads});
}
