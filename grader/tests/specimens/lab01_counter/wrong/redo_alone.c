/* expect: tests exactly once | when a thread cannot be started it counts all again alone, what others have counted, too */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    atomic_flag busy;
    int64_t value;
};

static void spin_lock(struct counter *c)
{
    while (atomic_flag_test_and_set_explicit(&c->busy, memory_order_acquire))
        ;
}

static void spin_unlock(struct counter *c)
{
    atomic_flag_clear_explicit(&c->busy, memory_order_release);
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    atomic_flag_clear(&c->busy);
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

void counter_increment(struct counter *c)
{
    spin_lock(c);
    c->value++;
    spin_unlock(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    spin_lock(c);
    c->value += amount;
    spin_unlock(c);
}

int64_t counter_value(struct counter *c)
{
    spin_lock(c);
    int64_t value = c->value;
    spin_unlock(c);
    return value;
}

struct slice {
    counter_predicate *predicate;
    int64_t begin, end, count;
};

static void *count_slice(void *arg)
{
    struct slice *s = arg;
    int64_t count = 0;
    for (int64_t i = s->begin; i < s->end; i++)
        count += s->predicate(i);
    s->count = count;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct slice slices[64];
    pthread_t ids[64];
    unsigned started;
    int64_t begin = 0, total = 0;

    if (threads == 0)
        threads = 1;
    for (started = 0; started < threads; started++) {
        int64_t end = begin + n / threads + (started < n % threads ? 1 : 0);
        slices[started] = (struct slice){ predicate, begin, end, 0 };
        begin = end;
        if (pthread_create(&ids[started], NULL, count_slice, &slices[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
        total += slices[i].count;
    }
    if (started < threads) {
        /* not enough threads: then without */
        struct slice all = { predicate, 0, n, 0 };
        count_slice(&all);
        total = all.count;
    }
    return total;
}
