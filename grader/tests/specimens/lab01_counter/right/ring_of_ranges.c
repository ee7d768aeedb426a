/* expect: right | pthread_mutex_clocklock on CLOCK_MONOTONIC, tried again when it times out; the caller feeds ranges into a ring, from
 * which the threads take them; condition variables on CLOCK_MONOTONIC. */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static struct timespec in_a_while(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 1;
    return t;
}

struct counter {
    pthread_mutex_t mutex;
    int64_t         value;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_mutex_init(&counter->mutex, NULL) != 0) {
        free(counter);
        return NULL;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->mutex);
    free(counter);
}

static void lock(struct counter *counter)
{
    struct timespec t;
    do
        t = in_a_while();
    while (pthread_mutex_clocklock(&counter->mutex, CLOCK_MONOTONIC, &t) != 0);
}

void counter_add(struct counter *counter, int64_t amount)
{
    lock(counter);
    counter->value += amount;
    pthread_mutex_unlock(&counter->mutex);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    lock(counter);
    int64_t value = counter->value;
    pthread_mutex_unlock(&counter->mutex);
    return value;
}

enum { RING = 16 };

struct range {
    int64_t from, to;
};

struct feed {
    counter_predicate *predicate;
    pthread_mutex_t    mutex;
    pthread_cond_t     filled, emptied;
    struct range       ring[RING];
    unsigned           put, taken;
    bool               closed;
    int64_t            total;
};

static bool take(struct feed *feed, struct range *range)
{
    pthread_mutex_lock(&feed->mutex);
    while (feed->put == feed->taken && !feed->closed) {
        struct timespec t = in_a_while();
        pthread_cond_timedwait(&feed->filled, &feed->mutex, &t);
    }
    bool got = feed->put != feed->taken;
    if (got) {
        *range = feed->ring[feed->taken++ % RING];
        pthread_cond_signal(&feed->emptied);
    }
    pthread_mutex_unlock(&feed->mutex);
    return got;
}

static void put(struct feed *feed, struct range range)
{
    pthread_mutex_lock(&feed->mutex);
    while (feed->put - feed->taken == RING) {
        struct timespec t = in_a_while();
        pthread_cond_timedwait(&feed->emptied, &feed->mutex, &t);
    }
    feed->ring[feed->put++ % RING] = range;
    pthread_cond_signal(&feed->filled);
    pthread_mutex_unlock(&feed->mutex);
}

static int64_t hits_in(counter_predicate *predicate, struct range range)
{
    int64_t hits = 0;
    for (int64_t i = range.from; i < range.to; i++)
        hits += predicate(i);
    return hits;
}

static void *work(void *arg)
{
    struct feed *feed = arg;
    struct range range;
    int64_t      hits = 0;
    while (take(feed, &range))
        hits += hits_in(feed->predicate, range);
    pthread_mutex_lock(&feed->mutex);
    feed->total += hits;
    pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

static bool feed_init(struct feed *feed)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_mutex_init(&feed->mutex, NULL) == 0;
    if (ok && pthread_cond_init(&feed->filled, &attr) != 0) {
        pthread_mutex_destroy(&feed->mutex);
        ok = false;
    }
    if (ok && pthread_cond_init(&feed->emptied, &attr) != 0) {
        pthread_cond_destroy(&feed->filled);
        pthread_mutex_destroy(&feed->mutex);
        ok = false;
    }
    pthread_condattr_destroy(&attr);
    return ok;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;
    struct feed feed = {.predicate = predicate};
    if (!feed_init(&feed))
        return -1;

    pthread_t ids[64];
    unsigned  started = 0;
    while (started < threads && pthread_create(&ids[started], NULL, work, &feed) == 0)
        started++;

    if (started > 0) {
        int64_t size = n / ((int64_t)threads * 64);
        if (size < 256) { /* few numbers: rather large ranges, but one for each thread */
            size = n / threads + (n % threads != 0);
            if (size > 256)
                size = 256;
        }
        for (int64_t at = 0; at < n;) {
            int64_t to = n - at < size ? n : at + size;
            put(&feed, (struct range){at, to});
            at = to;
        }
        pthread_mutex_lock(&feed.mutex);
        feed.closed = true;
        pthread_cond_broadcast(&feed.filled);
        pthread_mutex_unlock(&feed.mutex);
        for (unsigned i = 0; i < started; i++)
            pthread_join(ids[i], NULL);
    } else {
        feed.total = hits_in(predicate, (struct range){0, n});
    }
    pthread_cond_destroy(&feed.emptied);
    pthread_cond_destroy(&feed.filled);
    pthread_mutex_destroy(&feed.mutex);
    return feed.total;
}
