/* expect: schedules assertion | counter_value empties the cells into the total; between the two, what it carries is in neither, and a second reader at the same time misses updates that had returned */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CELLS = 8 };

struct counter {
    struct {
        _Alignas(64) _Atomic int64_t pending;
    } cell[CELLS];
    _Alignas(64) _Atomic int64_t total;
};

static atomic_uint seen;
static _Thread_local unsigned mine;

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c == NULL)
        return NULL;
    for (int i = 0; i < CELLS; i++)
        atomic_init(&c->cell[i].pending, 0);
    atomic_init(&c->total, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    if (mine == 0)
        mine = atomic_fetch_add(&seen, 1) + 1;
    atomic_fetch_add(&c->cell[mine % CELLS].pending, amount);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    for (int i = 0; i < CELLS; i++) {
        int64_t pending = atomic_exchange(&c->cell[i].pending, 0);
        if (pending != 0)
            atomic_fetch_add(&c->total, pending);
    }
    return atomic_load(&c->total);
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to, sum;
};

static void *run(void *arg)
{
    struct part *p = arg;
    int64_t sum = 0;
    for (int64_t i = p->from; i < p->to; i++)
        sum += p->predicate(i);
    p->sum = sum;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part part[64];
    unsigned started = 0;
    int64_t at = 0, sum = 0;
    if (threads == 0)
        threads = 1;
    for (; started < threads; started++) {
        struct part *p = &part[started];
        p->predicate = predicate;
        p->from = at;
        p->to = at += (n - at) / (threads - started);
        if (pthread_create(&p->thread, NULL, run, p) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(part[i].thread, NULL);
        sum += part[i].sum;
    }
    return started == threads ? sum : -1;
}
