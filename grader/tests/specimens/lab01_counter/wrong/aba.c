/* expect: tests lost; schedules assertion | compare-and-swap on a pointer whose old box is used again at once: the same pointer does not mean the same number (ABA) */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The number stands in a box. Whoever changes it fills a box of his own and swaps the boxes: no
   lock for the number, and nobody ever sees half of one. Boxes are not freed (somebody may still be
   reading), they go on a heap of old ones and are used again. */
struct box {
    _Atomic int64_t number;
    struct box *below; /* in the heap */
};

struct counter {
    struct box *_Atomic current;
    pthread_mutex_t heap_lock;
    struct box *heap;
};

static struct box *take_box(struct counter *c)
{
    pthread_mutex_lock(&c->heap_lock);
    struct box *box = c->heap;
    if (box != NULL)
        c->heap = box->below;
    pthread_mutex_unlock(&c->heap_lock);
    return box != NULL ? box : malloc(sizeof *box);
}

static void put_box(struct counter *c, struct box *box)
{
    pthread_mutex_lock(&c->heap_lock);
    box->below = c->heap;
    c->heap = box;
    pthread_mutex_unlock(&c->heap_lock);
}

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    struct box *first = malloc(sizeof *first);
    if (c == NULL || first == NULL) {
        free(first);
        free(c);
        return NULL;
    }
    atomic_init(&first->number, 0);
    atomic_init(&c->current, first);
    pthread_mutex_init(&c->heap_lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    while (c->heap != NULL)
        free(take_box(c));
    free(c->current);
    pthread_mutex_destroy(&c->heap_lock);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    struct box *fresh = take_box(c), *old;
    if (fresh == NULL)
        abort();
    do {
        old = atomic_load(&c->current);
        atomic_store(&fresh->number, atomic_load(&old->number) + amount);
    } while (!atomic_compare_exchange_weak(&c->current, &old, fresh));
    put_box(c, old);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    struct box *box;
    int64_t number;
    do {
        box = atomic_load(&c->current);
        number = atomic_load(&box->number);
    } while (box != atomic_load(&c->current));
    return number;
}

struct parcel {
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *unpack(void *arg)
{
    struct parcel *parcel = arg;
    int64_t hits = 0, i;
    for (i = parcel->from; i < parcel->to; ++i)
        if (parcel->predicate(i))
            ++hits;
    parcel->hits = hits;
    return parcel;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct parcel parcels[64] = {0};
    pthread_t carriers[64];
    unsigned i, sent = 0, all = threads + (threads == 0);
    int64_t sum = 0;
    for (i = 0; i < all; i++) {
        parcels[i] = (struct parcel){predicate, n * i / all, n * (i + 1) / all, 0};
        if (sent == i && i + 1 < all && pthread_create(&carriers[i], NULL, unpack, &parcels[i]) == 0)
            sent++;
        else
            unpack(&parcels[i]);
    }
    for (i = 0; i < sent; i++)
        pthread_join(carriers[i], NULL);
    for (i = 0; i < all; i++)
        sum += parcels[i].hits;
    return sum;
}
