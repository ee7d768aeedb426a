/* expect: tests hang | tries to start a thread until it works, for ever if it must */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

struct counter { _Atomic int64_t value; };

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL) return NULL;
    atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *c) { free(c); }

void counter_add(struct counter *c, int64_t amount)
{
    int64_t old = atomic_load(&c->value);
    while (!atomic_compare_exchange_weak(&c->value, &old, (int64_t)((uint64_t)old + (uint64_t)amount)))
        ;
}

void counter_increment(struct counter *c) { counter_add(c, 1); }
int64_t counter_value(struct counter *c) { return atomic_load(&c->value); }

struct share { counter_predicate *predicate; int64_t from, to; struct counter *sum; };

static void *do_share(void *arg)
{
    struct share *s = arg;
    int64_t hits = 0;
    for (int64_t i = s->from; i < s->to; i++)
        if (s->predicate(i)) hits++;
    counter_add(s->sum, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct share share[64];
    pthread_t id[64];
    struct counter *sum = counter_create();
    unsigned running = 0;
    int error = 0;

    if (sum == NULL) return -1;
    if (threads == 0) threads = 1;
    for (int64_t from = 0; running < threads; running++) {
        int64_t to = from + n / threads + (running < n % threads);
        share[running] = (struct share){ predicate, from, to, sum };
        from = to;
        while ((error = pthread_create(&id[running], NULL, do_share, &share[running])) == EAGAIN)
            thrd_yield();
        if (error != 0) break;
    }
    for (unsigned i = 0; i < running; i++)
        pthread_join(id[i], NULL);
    int64_t total = error != 0 ? -1 : counter_value(sum);
    counter_free(sum);
    return total;
}
