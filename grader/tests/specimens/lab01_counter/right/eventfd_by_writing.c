/* expect: right | an eventfd as a lock the other way round: whoever manages to write the largest number (a write blocks while it does not fit) holds it, and gives it back by reading */
#define _GNU_SOURCE
#include "counter.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct counter {
    int full;
    _Atomic int64_t value; /* read and written in two steps, under the lock */
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    atomic_init(&c->value, 0);
    c->full = eventfd(0, EFD_CLOEXEC);
    if (c->full < 0) {
        free(c);
        return NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    close(c->full);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    while (eventfd_write(c->full, UINT64_MAX - 1) != 0)
        ;
    const int64_t old = atomic_load(&c->value);
    atomic_store(&c->value, old + amount);
    eventfd_t all;
    while (eventfd_read(c->full, &all) != 0)
        ;
}

void counter_increment(struct counter *c) { counter_add(c, 1); }
int64_t counter_value(struct counter *c) { return atomic_load(&c->value); }

struct slice {
    counter_predicate *predicate;
    int64_t first, last;
};

static void *count_slice(void *v)
{
    const struct slice s = *(struct slice *)v;
    int64_t hits = 0;
    for (int64_t i = s.first; i < s.last; i++)
        hits += s.predicate(i);
    return (void *)(intptr_t)hits;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct slice slices[64];
    pthread_t t[64];
    if (threads == 0)
        threads = 1;
    for (unsigned k = 0; k < threads; k++)
        slices[k] = (struct slice){predicate, k ? slices[k - 1].last : 0, (k ? slices[k - 1].last : 0) + n / threads + (k < n % threads)};
    unsigned k = 1;
    while (k < threads && pthread_create(&t[k], NULL, count_slice, &slices[k]) == 0)
        k++;
    int64_t total = (intptr_t)count_slice(&slices[0]);
    for (unsigned j = 1; j < k; j++) {
        void *hits;
        pthread_join(t[j], &hits);
        total += (intptr_t)hits;
    }
    for (; k < threads; k++) /* whom nobody could be found for */
        total += (intptr_t)count_slice(&slices[k]);
    return total;
}
