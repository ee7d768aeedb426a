/* expect: tests left; schedules thread-never-joined | waits for its threads with a semaphore and never joins them */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Spin lock: `taken` is set by whoever is changing the sum. */
struct counter {
    atomic_flag taken;
    int64_t sum;
};

static inline int64_t add_spinning(struct counter *c, int64_t amount)
{
    int64_t sum;
    while (atomic_flag_test_and_set_explicit(&c->taken, memory_order_acquire))
        sched_yield();
    sum = c->sum += amount;
    atomic_flag_clear_explicit(&c->taken, memory_order_release);
    return sum;
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL) {
        atomic_flag_clear(&c->taken);
        c->sum = 0;
    }
    return c;
}

void counter_free(struct counter *c) { free(c); }
void counter_increment(struct counter *c) { add_spinning(c, 1); }
void counter_add(struct counter *c, int64_t amount) { add_spinning(c, amount); }
int64_t counter_value(struct counter *c) { return add_spinning(c, 0); }

struct share {
    sem_t *ready;
    counter_predicate *predicate;
    int64_t from, to;
    int64_t *answer;
};

static void *work_off(void *p)
{
    struct share share = *(struct share *)p;
    int64_t answer = 0;
    free(p);
    while (share.from < share.to)
        answer += share.predicate(share.from++);
    *share.answer = answer;
    sem_post(share.ready);
    return NULL;
}

static bool start(sem_t *ready, counter_predicate *predicate, int64_t from, int64_t to, int64_t *answer)
{
    pthread_t nobody_needs_it;
    struct share *share = malloc(sizeof *share);
    if (share == NULL)
        return false;
    *share = (struct share){ready, predicate, from, to, answer};
    if (pthread_create(&nobody_needs_it, NULL, work_off, share) == 0)
        return true;
    free(share);
    return false;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int64_t answers[64] = {0}, sum = 0;
    unsigned parts = threads == 0 ? 1 : threads, started = 0;
    sem_t ready;
    sem_init(&ready, 0, 0);
    while (started < parts && start(&ready, predicate, n * started / parts, n * (started + 1) / parts, &answers[started]))
        started++;
    for (unsigned i = 0; i < started; i++)
        while (sem_wait(&ready) != 0)
            continue;
    sem_destroy(&ready);
    for (unsigned i = 0; i < started; i++)
        sum += answers[i];
    return started == parts ? sum : -1;
}
