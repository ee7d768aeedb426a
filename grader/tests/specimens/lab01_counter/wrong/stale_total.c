/* expect: tests counter_value; schedules value_meets_updates | a reader that finds another one at work returns what was read before */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STRIPES = 8 };

struct stripe {
    _Alignas(64) atomic_llong amount;
};

struct counter {
    struct stripe stripe[STRIPES];
    pthread_mutex_t reading;
    atomic_llong latest;
};

static atomic_uint seats;
static _Thread_local int seat = -1;

static atomic_llong *stripe_of_thread(struct counter *c)
{
    if (seat < 0)
        seat = (int)(atomic_fetch_add(&seats, 1) % STRIPES);
    return &c->stripe[seat].amount;
}

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c == NULL)
        return NULL;
    if (pthread_mutex_init(&c->reading, NULL) != 0) {
        free(c);
        return NULL;
    }
    for (int i = 0; i < STRIPES; i++)
        atomic_init(&c->stripe[i].amount, 0);
    atomic_init(&c->latest, 0);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->reading);
    free(c);
}

void counter_increment(struct counter *c)
{
    atomic_fetch_add(stripe_of_thread(c), 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    atomic_fetch_add(stripe_of_thread(c), amount);
}

int64_t counter_value(struct counter *c)
{
    if (pthread_mutex_trylock(&c->reading) != 0)
        return atomic_load(&c->latest);         /* somebody is at it already */
    unsigned long long sum = 0;
    for (int i = 0; i < STRIPES; i++)
        sum += (unsigned long long)atomic_load(&c->stripe[i].amount);
    atomic_store(&c->latest, (long long)sum);
    pthread_mutex_unlock(&c->reading);
    return (int64_t)sum;
}

struct piece {
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *count_piece(void *arg)
{
    struct piece *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->from; i < p->to; i++)
        hits += p->predicate(i);
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct piece piece[64];
    pthread_t id[64];
    unsigned t = 0;
    int64_t from = 0, total;

    if (threads == 0)
        threads = 1;
    for (; t + 1 < threads; t++) {
        int64_t to = from + n / threads + (t < n % threads);
        piece[t] = (struct piece){ predicate, from, to, 0 };
        if (pthread_create(&id[t], NULL, count_piece, &piece[t]) != 0)
            break;
        from = to;
    }
    /* the rest, usually one part, is the caller's */
    struct piece rest = { predicate, from, n, 0 };
    count_piece(&rest);
    total = rest.hits;
    while (t-- > 0) {
        pthread_join(id[t], NULL);
        total += piece[t].hits;
    }
    return total;
}
