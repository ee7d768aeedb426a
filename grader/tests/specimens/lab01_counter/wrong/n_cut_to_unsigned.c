/* expect: tests signal | compares n with the number of threads in 32 bits: n = 2^32 leaves 0 threads, and it divides by them */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_spinlock_t spin;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (pthread_spin_init(&c->spin, PTHREAD_PROCESS_PRIVATE) != 0) {
        free(c);
        return NULL;
    }
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_spin_destroy(&c->spin);
    free(c);
}

void counter_increment(struct counter *c)
{
    pthread_spin_lock(&c->spin);
    c->value++;
    pthread_spin_unlock(&c->spin);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_spin_lock(&c->spin);
    c->value += amount;
    pthread_spin_unlock(&c->spin);
}

int64_t counter_value(struct counter *c)
{
    pthread_spin_lock(&c->spin);
    int64_t v = c->value;
    pthread_spin_unlock(&c->spin);
    return v;
}

struct task {
    counter_predicate *predicate;
    int64_t start, end, hits;
    pthread_t thread;
};

static void *run_task(void *arg)
{
    struct task *t = arg;
    int64_t hits = 0;
    for (int64_t i = t->start; i < t->end; i++)
        if (t->predicate(i))
            hits++;
    t->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct task *tasks;
    int64_t start = 0, total = 0;
    unsigned running;

    if (n == 0)
        return 0;
    if (threads == 0)
        threads = 1;
    if (threads > (unsigned)n)
        threads = (unsigned)n;

    int64_t each = n / threads, left_over = n % threads;
    tasks = malloc(threads * sizeof *tasks);
    if (tasks == NULL)
        return -1;
    for (running = 0; running < threads; running++) {
        struct task *t = &tasks[running];
        t->predicate = predicate;
        t->start = start;
        t->end = start += each + (running < left_over);
        if (pthread_create(&t->thread, NULL, run_task, t) != 0)
            break;
    }
    for (unsigned i = 0; i < running; i++) {
        pthread_join(tasks[i].thread, NULL);
        total += tasks[i].hits;
    }
    free(tasks);
    return running == threads ? total : -1;
}
