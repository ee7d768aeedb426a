/* expect: tests had not ended | detached threads say that they are done, and end some time after counter_count has returned */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t m;
    int64_t v;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c && pthread_mutex_init(&c->m, NULL)) {
        free(c);
        c = NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c) {
        pthread_mutex_destroy(&c->m);
        free(c);
    }
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->m);
    c->v += amount;
    pthread_mutex_unlock(&c->m);
}

void counter_increment(struct counter *c) { counter_add(c, 1); }

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->m);
    int64_t v = c->v;
    pthread_mutex_unlock(&c->m);
    return v;
}

struct job {
    pthread_mutex_t mutex;
    pthread_cond_t all_done;
    unsigned busy;              /* workers that have not reported yet */
    int64_t next, n, block, total;
    counter_predicate *predicate;
};

static void *worker(void *arg)
{
    struct job *j = arg;
    int64_t hits = 0;
    pthread_mutex_lock(&j->mutex);
    while (j->next < j->n) {
        int64_t from = j->next;
        int64_t to = j->n - from > j->block ? from + j->block : j->n;
        j->next = to;
        pthread_mutex_unlock(&j->mutex);
        for (int64_t i = from; i < to; i++)
            if (j->predicate(i))
                hits++;
        pthread_mutex_lock(&j->mutex);
    }
    j->total += hits;
    if (--j->busy == 0)
        pthread_cond_signal(&j->all_done);
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct job j = { .n = n, .predicate = predicate };
    pthread_attr_t detached;
    pthread_t id;

    if (threads == 0)
        threads = 1;
    j.block = n / threads;
    if (j.block > 1000)
        j.block = 250;
    if (j.block < 1)
        j.block = 1;
    if (pthread_attr_init(&detached) != 0)
        return -1;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_mutex_init(&j.mutex, NULL);
    pthread_cond_init(&j.all_done, NULL);

    j.busy = 1;                 /* the caller works, too */
    for (unsigned i = 1; i < threads; i++) {
        pthread_mutex_lock(&j.mutex);
        j.busy++;
        pthread_mutex_unlock(&j.mutex);
        if (pthread_create(&id, &detached, worker, &j) != 0) {
            pthread_mutex_lock(&j.mutex);
            j.busy--;
            pthread_mutex_unlock(&j.mutex);
            break;              /* those that are there do the rest */
        }
    }
    worker(&j);
    pthread_mutex_lock(&j.mutex);
    while (j.busy > 0)
        pthread_cond_wait(&j.all_done, &j.mutex);
    pthread_mutex_unlock(&j.mutex);

    pthread_cond_destroy(&j.all_done);
    pthread_mutex_destroy(&j.mutex);
    pthread_attr_destroy(&detached);
    return j.total;
}
