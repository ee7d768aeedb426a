/* expect: right | a read-write lock: readers of the value may overlap */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_rwlock_t lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    c->value = 0;
    if (pthread_rwlock_init(&c->lock, NULL) != 0) {
        free(c);
        return NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c != NULL) {
        pthread_rwlock_destroy(&c->lock);
        free(c);
    }
}

void counter_increment(struct counter *c)
{
    pthread_rwlock_wrlock(&c->lock);
    c->value++;
    pthread_rwlock_unlock(&c->lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_rwlock_wrlock(&c->lock);
    c->value += amount;
    pthread_rwlock_unlock(&c->lock);
}

int64_t counter_value(struct counter *c)
{
    pthread_rwlock_rdlock(&c->lock);
    int64_t value = c->value;
    pthread_rwlock_unlock(&c->lock);
    return value;
}

/* Each thread returns its hits in a block of its own, which whoever joins it frees. */
typedef struct {
    int64_t low, high; /* low <= x < high */
    counter_predicate *holds;
} interval;

static void *hits_in(void *ptr)
{
    interval *const in = ptr;
    int64_t hits = 0;
    while (in->low < in->high)
        if (in->holds(in->low++))
            hits++;
    in->low = hits; /* the block is handed back with the answer in it */
    return in;
}

static bool launch(pthread_t *id, counter_predicate *holds, int64_t low, int64_t high)
{
    interval *in = malloc(sizeof *in);
    if (in == NULL)
        return false;
    in->low = low;
    in->high = high;
    in->holds = holds;
    if (pthread_create(id, NULL, hits_in, in) == 0)
        return true;
    free(in);
    return false;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t ids[64];
    int64_t hits = 0, done = 0;
    unsigned running = 0;
    const unsigned want = threads == 0 ? 1 : threads;
    for (; running < want; running++) {
        const int64_t upto = done + (n - done) / (want - running);
        if (!launch(&ids[running], predicate, done, upto))
            break;
        done = upto;
    }
    for (unsigned i = 0; i < running; i++) {
        void *back;
        pthread_join(ids[i], &back);
        hits += ((interval *)back)->low;
        free(back);
    }
    return running == want ? hits : -1;
}
