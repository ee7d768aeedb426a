/* expect: tests hang; schedules deadlock; races NOT_RUN | two locks for two halves of the counter: an update takes them in one order, the reader in the other */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

/* Gains and losses are kept apart, each with its lock. */
struct account {
    pthread_mutex_t lock;
    uint64_t sum;
};

struct counter {
    struct account gains, losses;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->gains.lock, NULL);
    pthread_mutex_init(&c->losses.lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->losses.lock);
    pthread_mutex_destroy(&c->gains.lock);
    free(c);
}

/* What was gained and lost cancels out: keeps the sums small. Both locks are held. */
static void settle(struct counter *c)
{
    const uint64_t both = c->gains.sum < c->losses.sum ? c->gains.sum : c->losses.sum;
    c->gains.sum -= both;
    c->losses.sum -= both;
}

/* Books `size` in `into`; `other` is the other account of the same counter. */
static void book(struct counter *c, struct account *into, struct account *other, uint64_t size)
{
    pthread_mutex_lock(&into->lock);
    into->sum += size;
    pthread_mutex_lock(&other->lock);
    settle(c);
    pthread_mutex_unlock(&other->lock);
    pthread_mutex_unlock(&into->lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    if (amount >= 0)
        book(c, &c->gains, &c->losses, (uint64_t)amount);
    else
        book(c, &c->losses, &c->gains, -(uint64_t)amount);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->losses.lock);
    pthread_mutex_lock(&c->gains.lock);
    const int64_t value = (int64_t)(c->gains.sum - c->losses.sum);
    pthread_mutex_unlock(&c->gains.lock);
    pthread_mutex_unlock(&c->losses.lock);
    return value;
}

struct stretch {
    counter_predicate *predicate;
    int64_t begin, end;
    struct counter *hits;
};

static void *run(void *argument)
{
    const struct stretch *s = argument;
    int64_t hits = 0;
    for (int64_t i = s->begin; i < s->end; i++)
        hits += s->predicate(i);
    counter_add(s->hits, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const int64_t most = threads > 0 ? threads : 1;
    struct stretch stretches[64];
    pthread_t ids[64];
    int64_t started = 0;
    struct counter *hits = counter_create();
    if (hits == NULL)
        return -1;
    for (; started < most; started++) {
        stretches[started] = (struct stretch){predicate, n * started / most, n * (started + 1) / most, hits};
        if (pthread_create(&ids[started], NULL, run, &stretches[started]) != 0)
            break;
    }
    for (int64_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    const int64_t result = started == most ? counter_value(hits) : -1;
    counter_free(hits);
    return result;
}
