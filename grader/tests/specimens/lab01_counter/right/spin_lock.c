/* expect: right | pthread_spin_lock; the threads add their sums under it */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_spinlock_t spin;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    if (pthread_spin_init(&c->spin, PTHREAD_PROCESS_PRIVATE)) {
        free(c);
        return NULL;
    }
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    pthread_spin_destroy(&c->spin);
    free(c);
}

void counter_increment(struct counter *c)
{
    pthread_spin_lock(&c->spin);
    ++c->value;
    pthread_spin_unlock(&c->spin);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_spin_lock(&c->spin);
    c->value += amount;
    pthread_spin_unlock(&c->spin);
}

int64_t counter_value(struct counter *c)
{
    pthread_spin_lock(&c->spin);
    int64_t value = c->value;
    pthread_spin_unlock(&c->spin);
    return value;
}

struct work {
    counter_predicate *predicate;
    int64_t first, last; /* last is not in it */
    pthread_spinlock_t *spin;
    int64_t *total;
};

static void *do_work(void *arg)
{
    struct work w = *(struct work *)arg;
    int64_t mine = 0;
    for (int64_t i = w.first; i < w.last; ++i)
        mine += w.predicate(i) ? 1 : 0;
    pthread_spin_lock(w.spin);
    *w.total += mine;
    pthread_spin_unlock(w.spin);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct work work[64];
    pthread_t tid[64];
    pthread_spinlock_t spin;
    int64_t total = 0;
    int failed = 0;
    unsigned made = 0;
    if (threads == 0)
        threads = 1;
    if (n < threads)
        threads = n > 0 ? (unsigned)n : 1;
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    while (made < threads && !failed) {
        work[made] = (struct work){predicate, n * made / threads, n * (made + 1) / threads, &spin, &total};
        if (pthread_create(&tid[made], NULL, do_work, &work[made]))
            failed = 1;
        else
            made++;
    }
    for (unsigned i = 0; i < made; i++)
        pthread_join(tid[i], NULL);
    pthread_spin_destroy(&spin);
    return failed ? -1 : total;
}
