/* expect: tests counts_side_by_side | the threads get 24 KiB of stack, a third of which counter_count itself needs: a count within a count within a count crashes */
/*
 * 64 threads with the usual stack reserve half a gigabyte of addresses, and all they do is call a
 * predicate. So they get small stacks, and are started faster. The counter has a POSIX spin lock.
 */
#include "counter.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_spinlock_t lock; /* guards value */
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_spin_init(&counter->lock, PTHREAD_PROCESS_PRIVATE) != 0) {
        free(counter);
        return NULL;
    }
    counter->value = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_spin_destroy(&counter->lock);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_spin_lock(&counter->lock);
    counter->value += amount;
    pthread_spin_unlock(&counter->lock);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    pthread_spin_lock(&counter->lock);
    const int64_t value = counter->value;
    pthread_spin_unlock(&counter->lock);
    return value;
}

enum { MAX_THREADS = 64, STACK = 24 * 1024 };

/* Two cache lines each: processors like to fetch lines in pairs. */
struct part {
    _Alignas(128) counter_predicate *predicate;
    int64_t begin, end, hits;
    pthread_t thread;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->begin; i < part->end; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

/* No malloc, so memory cannot run out here: the parts lie on the stack. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads > 0 ? threads : 1;
    struct part parts[MAX_THREADS];
    int64_t begin = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t length = n / count + (i < n % count);
        parts[i].predicate = predicate;
        parts[i].begin = begin;
        parts[i].end = begin += length;
    }

    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return -1;
    pthread_attr_setstacksize(&attributes, STACK > PTHREAD_STACK_MIN ? STACK : PTHREAD_STACK_MIN);
    unsigned started = 0;
    while (started < count - 1 &&
           pthread_create(&parts[started].thread, &attributes, count_part, &parts[started]) == 0)
        started++;
    pthread_attr_destroy(&attributes);

    for (unsigned i = started; i < count; i++)
        count_part(&parts[i]);
    int64_t hits = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i < started)
            pthread_join(parts[i].thread, NULL);
        hits += parts[i].hits;
    }
    return hits;
}
