/* expect: right | relaxed accesses and fences only: a spin lock whose order comes from atomic_thread_fence; blocks that get smaller towards the end (guided), the caller works, too */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    atomic_int held;
    int64_t value;
};

static void acquire(atomic_int *held)
{
    unsigned tries = 0;
    while (atomic_exchange_explicit(held, 1, memory_order_relaxed) != 0)
        while (atomic_load_explicit(held, memory_order_relaxed) != 0)
            if (++tries % 64 == 0)
                sched_yield();
    atomic_thread_fence(memory_order_acquire);
}

static void release(atomic_int *held)
{
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(held, 0, memory_order_relaxed);
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(struct counter));
    if (c != NULL) {
        atomic_init(&c->held, 0);
        c->value = 0;
    }
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    acquire(&c->held);
    c->value++;
    release(&c->held);
}

void counter_add(struct counter *c, int64_t amount)
{
    acquire(&c->held);
    c->value += amount;
    release(&c->held);
}

int64_t counter_value(struct counter *c)
{
    acquire(&c->held);
    int64_t value = c->value;
    release(&c->held);
    return value;
}

struct work {
    _Alignas(64) atomic_int held;
    int64_t next, total;
    _Alignas(64) counter_predicate *predicate;
    int64_t n;
    unsigned threads;
};

/* Half of what would be this thread's share of the rest. */
static int64_t take(struct work *w, int64_t *from)
{
    acquire(&w->held);
    int64_t left = w->n - w->next;
    int64_t size = left / (2 * (int64_t)w->threads);
    if (size < 1)
        size = left > 0 ? 1 : 0;
    *from = w->next;
    w->next += size;
    release(&w->held);
    return size;
}

static void *work(void *arg)
{
    struct work *w = arg;
    int64_t sum = 0, from, size;
    while ((size = take(w, &from)) > 0)
        for (int64_t i = from; i < from + size; i++)
            sum += w->predicate(i);
    acquire(&w->held);
    w->total += sum;
    release(&w->held);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct work w = { .predicate = predicate, .n = n, .threads = threads ? threads : 1 };
    pthread_t id[63];
    unsigned started = 0;

    while (started + 1 < w.threads && pthread_create(&id[started], NULL, work, &w) == 0)
        started++;
    work(&w);
    while (started > 0)
        pthread_join(id[--started], NULL);
    return w.total;
}
