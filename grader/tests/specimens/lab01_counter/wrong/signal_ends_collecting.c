/* expect: tests count_loses_nothing | counter_count(): the loop that collects the parts' sums from the pipe ends at any read that does not give 8 bytes, so a handled signal (no SA_RESTART) in the waiting caller (EINTR) makes the result too small */
#define _GNU_SOURCE
#include "counter.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct counter {
    _Atomic int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c)
        atomic_init(&c->value, 0);
    return c;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    atomic_fetch_add(&counter->value, amount);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    return atomic_load(&counter->value);
}

struct job {
    counter_predicate *predicate;
    int64_t from, to;
    int out; /* where the sum goes */
};

static int64_t count_range(counter_predicate *predicate, int64_t from, int64_t to)
{
    int64_t hits = 0;
    for (int64_t i = from; i < to; i++)
        hits += predicate(i) ? 1 : 0;
    return hits;
}

static void *run(void *arg)
{
    const struct job *job = arg;
    int64_t hits = count_range(job->predicate, job->from, job->to);
    /* 64 sums always fit into a pipe: this does not block, and 8 bytes are written whole */
    if (write(job->out, &hits, sizeof hits) != (ssize_t)sizeof hits)
        abort();
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    if ((int64_t)threads > n)
        threads = (unsigned)n;
    int fds[2];
    if (threads <= 1 || pipe2(fds, O_CLOEXEC) != 0)
        return count_range(predicate, 0, n);

    struct job jobs[64];
    pthread_t ids[64];
    unsigned started = 0;
    int64_t total = 0, from = 0;
    for (unsigned t = 0; t < threads; t++) {
        int64_t to = from + n / threads + ((int64_t)t < n % threads);
        jobs[started] = (struct job){predicate, from, to, fds[1]};
        if (pthread_create(&ids[started], NULL, run, &jobs[started]) == 0)
            started++;
        else
            total += count_range(predicate, from, to);
        from = to;
    }
    int64_t hits;
    for (unsigned t = 0; t < started && read(fds[0], &hits, sizeof hits) == (ssize_t)sizeof hits; t++)
        total += hits;
    for (unsigned t = 0; t < started; t++)
        pthread_join(ids[t], NULL);
    close(fds[0]);
    close(fds[1]);
    return total;
}
