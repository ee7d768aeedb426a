/* expect: tests heap | when a thread cannot be started the others are cancelled and joined, but their parts, which come back as their results, are never freed */
#define _GNU_SOURCE
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (pthread_mutex_init(&c->mutex, NULL) != 0) {
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
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->mutex);
    c->value += amount;
    pthread_mutex_unlock(&c->mutex);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->mutex);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->mutex);
    return value;
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *count_part(void *arg)
{
    struct part *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->from; i < p->to; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return p;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    pthread_t *id = malloc(threads * sizeof *id);
    if (id == NULL)
        return -1;
    int64_t at = 0, sum = 0;
    unsigned started = 0;
    for (; started < threads; started++) {
        struct part *p = malloc(sizeof *p);
        if (p != NULL) {
            p->predicate = predicate;
            p->from = at;
            p->to = at += (n - at) / (threads - started);
        }
        if (p == NULL || pthread_create(&id[started], NULL, count_part, p) != 0) {
            free(p);
            sum = -1;
            break;
        }
    }
    for (unsigned i = 0; i < started; i++) {
        void *result;
        if (sum < 0) {
            pthread_cancel(id[i]); /* its part is of no use any more */
            pthread_join(id[i], NULL);
            continue;
        }
        pthread_join(id[i], &result);
        sum += ((struct part *)result)->hits;
        free(result);
    }
    free(id);
    return sum;
}
