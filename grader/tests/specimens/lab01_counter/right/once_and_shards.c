/* expect: right | errorcheck mutexes in shards, a shard for each thread given out at its first use; double-checked with acquire and release */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 8
#define CHECKED(call)                                                                                                  \
    do {                                                                                                               \
        int error_ = (call);                                                                                           \
        if (error_ != 0) {                                                                                             \
            fprintf(stderr, "%s: %s\n", #call, strerror(error_));                                                      \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct shard {
    pthread_mutex_t mutex;
    int64_t part;
};

/* Shards are made when somebody needs them: most counters have one user. */
struct counter {
    pthread_mutex_t making;
    _Atomic(struct shard *) shards[SHARDS];
};

static atomic_uint users;
static _Thread_local unsigned my_shard = SHARDS;

static void init_errorcheck(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    CHECKED(pthread_mutexattr_init(&attr));
    CHECKED(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
    CHECKED(pthread_mutex_init(mutex, &attr));
    CHECKED(pthread_mutexattr_destroy(&attr));
}

static struct shard *make_shard(void)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard != NULL)
        init_errorcheck(&shard->mutex);
    return shard;
}

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter == NULL)
        return NULL;
    struct shard *first = make_shard();
    if (first == NULL) {
        free(counter);
        return NULL;
    }
    init_errorcheck(&counter->making);
    atomic_init(&counter->shards[0], first);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = atomic_load(&counter->shards[i]);
        if (shard != NULL)
            CHECKED(pthread_mutex_destroy(&shard->mutex));
        free(shard);
    }
    CHECKED(pthread_mutex_destroy(&counter->making));
    free(counter);
}

static struct shard *shard_for_me(struct counter *counter)
{
    if (my_shard == SHARDS)
        my_shard = atomic_fetch_add_explicit(&users, 1, memory_order_relaxed) % SHARDS;
    struct shard *shard = atomic_load_explicit(&counter->shards[my_shard], memory_order_acquire);
    if (shard != NULL)
        return shard;
    CHECKED(pthread_mutex_lock(&counter->making));
    shard = atomic_load_explicit(&counter->shards[my_shard], memory_order_relaxed);
    if (shard == NULL && (shard = make_shard()) != NULL)
        atomic_store_explicit(&counter->shards[my_shard], shard, memory_order_release);
    CHECKED(pthread_mutex_unlock(&counter->making));
    return shard != NULL ? shard : atomic_load(&counter->shards[0]); /* no memory: share the first */
}

void counter_add(struct counter *counter, int64_t amount)
{
    struct shard *shard = shard_for_me(counter);
    CHECKED(pthread_mutex_lock(&shard->mutex));
    shard->part += amount;
    CHECKED(pthread_mutex_unlock(&shard->mutex));
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

/* All shards at the same moment would need all locks. Not needed: each update whose call has returned is in its shard. */
int64_t counter_value(struct counter *counter)
{
    int64_t sum = 0;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = atomic_load_explicit(&counter->shards[i], memory_order_acquire);
        if (shard == NULL)
            continue;
        CHECKED(pthread_mutex_lock(&shard->mutex));
        sum += shard->part;
        CHECKED(pthread_mutex_unlock(&shard->mutex));
    }
    return sum;
}

struct stripe {
    counter_predicate *predicate;
    int64_t first, n, step;
    struct counter *total;
};

static void *walk(void *argument)
{
    struct stripe *stripe = argument;
    int64_t hits = 0;
    for (int64_t i = stripe->first; i < stripe->n; i += stripe->step)
        hits += stripe->predicate(i) ? 1 : 0;
    counter_add(stripe->total, hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned step = threads == 0 ? 1 : threads;
    struct stripe stripes[64];
    pthread_t ids[64];
    struct counter *total = counter_create();
    if (total == NULL)
        return -1;
    unsigned running = 0;
    for (; running < step; running++) {
        stripes[running] = (struct stripe){predicate, running, n, step, total};
        if (pthread_create(&ids[running], NULL, walk, &stripes[running]) != 0)
            break;
    }
    for (unsigned i = 0; i < running; i++)
        CHECKED(pthread_join(ids[i], NULL));
    const int64_t result = running == step ? counter_value(total) : -1;
    counter_free(total);
    return result;
}
