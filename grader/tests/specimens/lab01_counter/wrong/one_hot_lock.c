/* expect: speedup several; speedup @c-> | right, but every hit goes through the one counter and its lock */
#include "counter.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A monitor: whoever wants in waits on `left` until nobody is in. */
struct counter {
    pthread_mutex_t door;
    pthread_cond_t left;
    bool inside;
    int64_t number;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof(*c));
    if (c) {
        pthread_mutex_init(&c->door, NULL);
        pthread_cond_init(&c->left, NULL);
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c) {
        assert(!c->inside);
        pthread_cond_destroy(&c->left);
        pthread_mutex_destroy(&c->door);
    }
    free(c);
}

static void enter(struct counter *c)
{
    pthread_mutex_lock(&c->door);
    while (c->inside)
        pthread_cond_wait(&c->left, &c->door);
    c->inside = true;
    pthread_mutex_unlock(&c->door);
}

static void leave(struct counter *c)
{
    pthread_mutex_lock(&c->door);
    c->inside = false;
    pthread_cond_signal(&c->left);
    pthread_mutex_unlock(&c->door);
}

void counter_add(struct counter *c, int64_t amount)
{
    enter(c);
    c->number += amount;
    leave(c);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    enter(c);
    int64_t number = c->number;
    leave(c);
    return number;
}

/* The hits are counted by a counter: that is what it is for. */
struct quest {
    counter_predicate *predicate;
    int64_t n;
    atomic_llong next;
    struct counter *hits;
};

static void *adventure(void *arg)
{
    struct quest *q = arg;
    for (int64_t i; (i = atomic_fetch_add(&q->next, 64)) < q->n;)
        for (int64_t k = i; k < i + 64 && k < q->n; k++)
            if (q->predicate(k))
                counter_increment(q->hits);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct quest q = {.predicate = predicate, .n = n, .hits = counter_create()};
    pthread_t hero[64];
    unsigned heroes = 0;
    if (q.hits == NULL)
        return -1;
    while (heroes < threads && pthread_create(&hero[heroes], NULL, adventure, &q) == 0)
        heroes++;
    if (heroes == 0)
        adventure(&q);
    for (unsigned i = 0; i < heroes; i++)
        pthread_join(hero[i], NULL);
    int64_t result = counter_value(q.hits);
    counter_free(q.hits);
    return result;
}
