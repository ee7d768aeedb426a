/* expect: right | each thread writes its sum for each hit, in memory, but in a cache line of its own; small chunks of 256 */
#include "counter.h"
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct counter {
    pthread_spinlock_t spin;
    int64_t sum;
} Counter;

struct counter *counter_create(void)
{
    Counter *c = malloc(sizeof(Counter));
    if (c == NULL) return NULL;
    if (pthread_spin_init(&c->spin, PTHREAD_PROCESS_PRIVATE) != 0) { free(c); return NULL; }
    c->sum = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL) return;
    pthread_spin_destroy(&c->spin);
    free(c);
}

void counter_increment(struct counter *c) { counter_add(c, 1); }

void counter_add(struct counter *c, int64_t amount)
{
    pthread_spin_lock(&c->spin);
    c->sum += amount;
    pthread_spin_unlock(&c->spin);
}

int64_t counter_value(struct counter *c)
{
    pthread_spin_lock(&c->spin);
    int64_t sum = c->sum;
    pthread_spin_unlock(&c->spin);
    return sum;
}

enum { CHUNK = 256, LINE = 64, MOST = 64 };

struct shared {
    counter_predicate *predicate;
    int64_t n;
    alignas(LINE) _Atomic int64_t next; /* the first number that nobody has taken */
};

struct lane {
    alignas(LINE) int64_t hits;
    struct shared *shared;
    pthread_t thread;
};

static void *drive(void *arg)
{
    struct lane *lane = arg;
    struct shared *shared = lane->shared;
    for (;;) {
        int64_t from = atomic_fetch_add_explicit(&shared->next, CHUNK, memory_order_relaxed);
        if (from >= shared->n) break;
        int64_t to = shared->n - from < CHUNK ? shared->n : from + CHUNK;
        for (int64_t i = from; i < to; i++)
            if (shared->predicate(i)) lane->hits++;
    }
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct shared shared = {.predicate = predicate, .n = n};
    struct lane lanes[MOST] = {0};
    unsigned others = 0;
    if (threads == 0) threads = 1;
    for (unsigned i = 0; i < threads; i++) lanes[i].shared = &shared;
    while (others + 1 < threads && pthread_create(&lanes[others + 1].thread, NULL, drive, &lanes[others + 1]) == 0)
        others++;
    drive(&lanes[0]); /* alone, too, where no thread could be started */
    int64_t hits = lanes[0].hits;
    for (unsigned i = 1; i <= others; i++) {
        pthread_join(lanes[i].thread, NULL);
        hits += lanes[i].hits;
    }
    return hits;
}
