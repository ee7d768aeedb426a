/*
 * Reference solution of lab01, for a reader who has just failed.
 *
 * Two lessons are in here. First: `value++` is three steps (read, add, write), and between any two of
 * them another thread may do the same; its update is then overwritten. A lock turns the three steps
 * into one. Second: a lock that everybody needs all the time makes threads stand in line, and a
 * program with a line is a sequential program. So counter_count does not use the counter at all: each
 * thread counts into a variable of its own, and the threads meet once, at the end.
 */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex; /* guards value: whoever reads or writes it holds the mutex */
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_mutex_init(&counter->mutex, NULL) != 0) {
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
    pthread_mutex_destroy(&counter->mutex);
    free(counter);
}

/* An increment is an addition of 1: with a single place that changes the value there is a single
 * place where the lock can be forgotten. */
void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->mutex);
    counter->value += amount;
    pthread_mutex_unlock(&counter->mutex);
}

/* The value is copied while the lock is held. `return counter->value` after the unlock would read it
 * unguarded: a data race, even though nothing is written here. */
int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    const int64_t value = counter->value;
    pthread_mutex_unlock(&counter->mutex);
    return value;
}

/* The integers begin, ..., end-1, and how many of them were hits. */
struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t hits;
};

/* `hits` is a local variable: it lives in a register or on this thread's own stack. Counting straight
 * into part->hits would be right as well, but the parts lie side by side in memory, and two cores that
 * keep writing to one cache line slow each other down as if they shared a lock ("false sharing"). */
static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->begin; i < part->end; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

/* Cuts 0, ..., n-1 into `count` parts that differ by at most one in length. n / count numbers each
 * would forget the rest of the division: the first n % count parts take one more. */
static void cut(struct part *parts, unsigned count, counter_predicate *predicate, int64_t n)
{
    int64_t begin = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t length = n / count + (i < n % count);
        parts[i] = (struct part){.predicate = predicate, .begin = begin, .end = begin + length};
        begin += length;
    }
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads > 0 ? threads : 1;
    struct part *parts = malloc(count * sizeof *parts);
    if (parts == NULL)
        return -1;
    cut(parts, count, predicate, n);

    /* The calling thread does the last part itself, so one thread less has to be started. */
    unsigned started = 0;
    while (started < count - 1 && pthread_create(&parts[started].thread, NULL, count_part, &parts[started]) == 0)
        started++;
    /* Whatever nobody could be started for is done here as well: slower, but complete. */
    for (unsigned i = started; i < count; i++)
        count_part(&parts[i]);

    /* After pthread_join all that the thread wrote can be seen, so reading hits needs no lock. */
    int64_t hits = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i < started)
            pthread_join(parts[i].thread, NULL);
        hits += parts[i].hits;
    }
    free(parts);
    return hits;
}
