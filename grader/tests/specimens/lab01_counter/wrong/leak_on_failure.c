/* expect: tests left | gives up when a thread cannot be started, and forgets the array it has allocated */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
    sem_t key;
    int64_t value;
};

#define WITH_KEY(c, statement)                                     \
    do {                                                           \
        while (sem_wait(&(c)->key) != 0 && errno == EINTR) { }     \
        statement;                                                 \
        sem_post(&(c)->key);                                       \
    } while (0)

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (sem_init(&c->key, 0, 1) != 0) {
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
    sem_destroy(&c->key);
    free(c);
}

void counter_increment(struct counter *c)
{
    WITH_KEY(c, c->value++);
}

void counter_add(struct counter *c, int64_t amount)
{
    WITH_KEY(c, c->value += amount);
}

int64_t counter_value(struct counter *c)
{
    int64_t v;
    WITH_KEY(c, v = c->value);
    return v;
}

struct worker {
    pthread_t id;
    counter_predicate *predicate;
    atomic_bool *stop;
    int64_t from, to, hits;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    int64_t hits = 0;
    for (int64_t i = w->from; i < w->to; i++) {
        if (i % 1024 == 0 && atomic_load(w->stop))
            break;
        if (w->predicate(i))
            hits++;
    }
    w->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    atomic_bool stop = false;
    struct worker *workers;
    int64_t from = 0, total = 0;
    unsigned i, started;

    if (threads == 0)
        threads = 1;
    workers = malloc(threads * sizeof *workers);
    if (workers == NULL)
        return -1;
    for (started = 0; started < threads; started++) {
        struct worker *w = &workers[started];
        w->predicate = predicate;
        w->stop = &stop;
        w->from = from;
        w->to = from += n / threads + (started < n % threads);
        if (pthread_create(&w->id, NULL, work, w) != 0) {
            atomic_store(&stop, true);
            break;
        }
    }
    for (i = 0; i < started; i++) {
        pthread_join(workers[i].id, NULL);
        total += workers[i].hits;
    }
    if (started < threads)
        return -1;
    free(workers);
    return total;
}
