/* expect: schedules signals_meet_updates | takes a sem_wait that a signal has ended for the lock */
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

struct counter {
    sem_t sem;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (sem_init(&c->sem, 0, 1) != 0) {
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
    sem_destroy(&c->sem);
    free(c);
}

static void lock(struct counter *c)
{
    sem_wait(&c->sem);
}

static void unlock(struct counter *c)
{
    sem_post(&c->sem);
}

void counter_increment(struct counter *c)
{
    lock(c);
    c->value++;
    unlock(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    lock(c);
    c->value += amount;
    unlock(c);
}

int64_t counter_value(struct counter *c)
{
    lock(c);
    int64_t v = c->value;
    unlock(c);
    return v;
}

struct part {
    counter_predicate *predicate;
    int64_t from, to, hits;
    pthread_t id;
    bool started;
};

static void *work(void *arg)
{
    struct part *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->from; i < p->to; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part p[64];
    int64_t from = 0, total = 0;
    if (threads == 0)
        threads = 1;
    for (unsigned t = 0; t < threads; t++) {
        int64_t len = n / threads + (t < n % threads);
        p[t] = (struct part){ .predicate = predicate, .from = from, .to = from + len };
        from += len;
        if (t + 1 < threads)
            p[t].started = pthread_create(&p[t].id, NULL, work, &p[t]) == 0;
    }
    for (unsigned t = 0; t < threads; t++)
        if (!p[t].started)
            work(&p[t]);
    for (unsigned t = 0; t < threads; t++) {
        if (p[t].started)
            pthread_join(p[t].id, NULL);
        total += p[t].hits;
    }
    return total;
}
