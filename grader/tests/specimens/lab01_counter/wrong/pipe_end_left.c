/* expect: tests count_when_threads_run_out | when pthread_create fails the writing end of the pipe of sums stays open */
/* The threads send their sums to the caller through a pipe. The counter is a compare-and-swap loop. */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter != NULL)
        atomic_init(&counter->value, 0);
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    int64_t old = atomic_load(&counter->value);
    while (!atomic_compare_exchange_weak(&counter->value, &old, old + amount))
        ;
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    return atomic_load(&counter->value);
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t begin, end;
    int out; /* where the sum goes */
};

static int64_t count_range(counter_predicate *predicate, int64_t begin, int64_t end)
{
    int64_t hits = 0;
    for (int64_t i = begin; i < end; i++)
        hits += predicate(i);
    return hits;
}

/* Eight bytes go through a pipe in one piece, and 64 times eight bytes fit in, so nobody has to wait. */
static void *count_part(void *argument)
{
    const struct part *part = argument;
    const int64_t hits = count_range(part->predicate, part->begin, part->end);
    while (write(part->out, &hits, sizeof hits) < 0 && errno == EINTR)
        ;
    return NULL;
}

static int64_t receive(int in)
{
    int64_t hits = 0;
    while (read(in, &hits, sizeof hits) < 0 && errno == EINTR)
        ;
    return hits;
}

static void join_all(const struct part *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pthread_join(parts[i].thread, NULL);
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned count = threads > 0 ? threads : 1;
    if (count == 1 || n == 0)
        return count_range(predicate, 0, n);
    struct part *parts = malloc(count * sizeof *parts);
    if (parts == NULL)
        return -1;
    int ends[2];
    if (pipe(ends) != 0) {
        free(parts);
        return count_range(predicate, 0, n); /* it can be done without */
    }

    int64_t begin = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t length = n / count + (i < n % count);
        parts[i] = (struct part){.predicate = predicate, .begin = begin, .end = begin + length, .out = ends[1]};
        begin += length;
        if (pthread_create(&parts[i].thread, NULL, count_part, &parts[i]) != 0) {
            join_all(parts, i); /* they still write */
            free(parts);
            close(ends[0]);
            return -1;
        }
    }

    int64_t hits = 0;
    for (unsigned i = 0; i < count; i++)
        hits += receive(ends[0]);
    join_all(parts, count);
    close(ends[1]);
    close(ends[0]);
    free(parts);
    return hits;
}
