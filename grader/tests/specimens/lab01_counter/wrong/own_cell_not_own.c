/* expect: tests lost | a cell for each thread, written with no lock, but the 65th thread shares the first one's */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CELLS 64

struct cell {
    _Alignas(64) _Atomic uint64_t sum;
};

struct counter {
    struct cell cell[CELLS];
};

static atomic_uint threads_seen;
static _Thread_local unsigned my_number;        /* 0: none yet */

static unsigned my_index(void)
{
    if (my_number == 0)
        my_number = atomic_fetch_add(&threads_seen, 1) % CELLS + 1;
    return my_number - 1;
}

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c == NULL)
        return NULL;
    for (int i = 0; i < CELLS; i++)
        atomic_init(&c->cell[i].sum, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    /* Only this thread writes to its cell: no need for an expensive read-modify-write. */
    _Atomic uint64_t *mine = &c->cell[my_index()].sum;
    atomic_store(mine, atomic_load(mine) + (uint64_t)amount);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    uint64_t sum = 0;
    for (int i = 0; i < CELLS; i++)
        sum += atomic_load(&c->cell[i].sum);
    return (int64_t)sum;
}

struct range {
    counter_predicate *predicate;
    int64_t lo, hi;
    unsigned width;
    int64_t hits;
};

static void *count_range(void *arg)
{
    struct range *r = arg;
    if (r->width > 1 && r->hi - r->lo > 1) {
        unsigned half = r->width / 2;
        int64_t len = r->hi - r->lo;
        int64_t cut = r->hi - (len / r->width * half + len % r->width * half / r->width);
        struct range upper = { r->predicate, cut, r->hi, half, 0 };
        struct range lower = { r->predicate, r->lo, cut, r->width - half, 0 };
        pthread_t id;
        bool started = pthread_create(&id, NULL, count_range, &upper) == 0;
        count_range(&lower);
        if (started)
            pthread_join(id, NULL);
        else
            count_range(&upper);
        r->hits = lower.hits + upper.hits;
        return NULL;
    }
    int64_t hits = 0;
    for (int64_t i = r->lo; i < r->hi; i++)
        if (r->predicate(i))
            hits++;
    r->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    if (threads > n)
        threads = n > 0 ? (unsigned)n : 1;
    struct range all = { predicate, 0, n, threads, 0 };
    count_range(&all);
    return all.hits;
}
