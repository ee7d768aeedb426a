/* expect: tests count_loses_nothing; schedules data-race | all threads count straight into one variable */
#include <pthread.h>
#include <stdlib.h>
#include "counter.h"

struct counter { int64_t val; pthread_mutex_t mx; };

struct counter *counter_create(void)
{
    struct counter *ctr;
    if ((ctr = malloc(sizeof *ctr)))
        *ctr = (struct counter){0, PTHREAD_MUTEX_INITIALIZER};
    return ctr;
}

void counter_free(struct counter *ctr)
{
    if (ctr) pthread_mutex_destroy(&ctr->mx), free(ctr);
}

void counter_increment(struct counter *ctr)
{
    pthread_mutex_lock(&ctr->mx), ctr->val++, pthread_mutex_unlock(&ctr->mx);
}

void counter_add(struct counter *ctr, int64_t amount)
{
    pthread_mutex_lock(&ctr->mx), ctr->val += amount, pthread_mutex_unlock(&ctr->mx);
}

int64_t counter_value(struct counter *ctr)
{
    int64_t val = (pthread_mutex_lock(&ctr->mx), ctr->val);
    return pthread_mutex_unlock(&ctr->mx), val;
}

/* x[0] begin, x[1] end, x[2] address of the result, x[3] predicate */
static void *w(void *v)
{
    intptr_t *x = v;
    int64_t *hits = (int64_t *)x[2];
    counter_predicate *yes = (counter_predicate *)x[3];
    for (int64_t k = x[0]; k < x[1]; k++)
        if (yes(k)) (*hits)++;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    intptr_t x[64][4];
    pthread_t t[64];
    int64_t hits = 0, m = threads ? threads : 1, i;
    for (i = 0; i < m; i++) {
        x[i][0] = n * i / m;
        x[i][1] = n * (i + 1) / m;
        x[i][2] = (intptr_t)&hits;
        x[i][3] = (intptr_t)predicate;
        if (pthread_create(&t[i], NULL, w, x[i])) break;
    }
    if (i < m) m = -1;
    while (i) pthread_join(t[--i], NULL);
    return m < 0 ? m : hits;
}
