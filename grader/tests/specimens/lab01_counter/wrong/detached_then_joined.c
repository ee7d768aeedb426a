/* expect: tests expected; schedules misuse; schedules count_in_blocks, predicate_uses_the_header and two_counts_at_once, too; races PASSED | threads that were started detached are joined all the same */
#include <pthread.h>
#include <stdlib.h>

#include "counter.h"

struct counter {
    pthread_mutex_t m;
    int64_t v;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c) {
        pthread_mutex_init(&c->m, NULL);
        c->v = 0;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c)
        pthread_mutex_destroy(&c->m);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->m);
    c->v += amount;
    pthread_mutex_unlock(&c->m);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->m);
    int64_t v = c->v;
    pthread_mutex_unlock(&c->m);
    return v;
}

struct work {
    counter_predicate *p;
    int64_t a, b, sum;
};

static void *part(void *x)
{
    struct work *w = x;
    int64_t sum = 0;
    for (int64_t i = w->a; i < w->b; i++)
        sum += w->p(i);
    w->sum = sum;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    pthread_t t[64];
    struct work w[64];
    pthread_attr_t attr;
    int64_t sum = 0;
    unsigned k, made = 0;
    if (threads == 0)
        threads = 1;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* so that nothing leaks */
    for (k = 0; k < threads; k++) {
        w[k].p = predicate;
        w[k].a = n / threads * k + (n % threads < k ? n % threads : k);
        w[k].b = n / threads * (k + 1) + (n % threads < k + 1 ? n % threads : k + 1);
        if (pthread_create(&t[k], &attr, part, &w[k]) != 0)
            break;
        made++;
    }
    pthread_attr_destroy(&attr);
    for (k = 0; k < made; k++)
        pthread_join(t[k], NULL);
    for (k = 0; k < made; k++)
        sum += w[k].sum;
    return made == threads ? sum : -1;
}
