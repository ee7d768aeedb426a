/* expect: right | rwlock that prefers writers; threads start and join each other as a binary tree */
#define _GNU_SOURCE
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/**
 * Reads share the lock, writes have it alone. Writers go first: otherwise a stream of readers, one overlapping the
 * next, could keep a writer out for ever.
 */
struct counter {
    pthread_rwlock_t rwlock;
    int64_t total;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(struct counter));
    if (!c)
        goto out;

    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int error = pthread_rwlock_init(&c->rwlock, &attr);
    pthread_rwlockattr_destroy(&attr);
    if (error) {
        free(c);
        c = NULL;
        goto out;
    }
    c->total = 0;
out:
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    pthread_rwlock_destroy(&c->rwlock);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_rwlock_wrlock(&c->rwlock);
    c->total += amount;
    pthread_rwlock_unlock(&c->rwlock);
}

void counter_increment(struct counter *c)
{
    pthread_rwlock_wrlock(&c->rwlock);
    c->total++;
    pthread_rwlock_unlock(&c->rwlock);
}

int64_t counter_value(struct counter *c)
{
    while (pthread_rwlock_rdlock(&c->rwlock) == EAGAIN)
        sched_yield(); /* as many readers as it can count */
    int64_t total = c->total;
    pthread_rwlock_unlock(&c->rwlock);
    return total;
}

/**
 * Divide and conquer: whoever has a range and several threads to spend on it gives one half of both to a new
 * thread, and keeps the other. Nobody has more than a few children to wait for.
 */
struct range {
    _Alignas(64) counter_predicate *predicate; /* ranges lie on stacks that are in use: keep them on lines of their own */
    int64_t low, high;
    unsigned threads;
    int64_t count;
};

static void *solve(void *arg)
{
    struct range *range = arg;

    if (range->threads == 1) {
        counter_predicate *predicate = range->predicate;
        int64_t count = 0;
        for (int64_t number = range->low, high = range->high; number < high; number++)
            if (predicate(number))
                count++;
        range->count = count;
        return NULL;
    }

    int64_t length = range->high - range->low;
    unsigned half = range->threads / 2;
    int64_t middle = range->low + length / range->threads * half + length % range->threads * half / range->threads;
    struct range left = { range->predicate, range->low, middle, half, 0 };
    struct range right = { range->predicate, middle, range->high, range->threads - half, 0 };

    pthread_t child;
    int refused = pthread_create(&child, NULL, solve, &left);
    solve(&right);
    if (refused)
        solve(&left);
    else
        pthread_join(child, NULL);
    range->count = left.count + right.count;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads > n)
        threads = (unsigned)n;
    if (threads == 0)
        threads = 1;
    struct range all = { predicate, 0, n, threads, 0 };
    solve(&all);
    return all.count;
}
