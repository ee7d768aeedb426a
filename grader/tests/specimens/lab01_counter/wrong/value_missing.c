/* expect: build counter_value | forgot one function of the contract */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t m;
    int64_t x;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(sizeof *c, 1);
    if (c != NULL && pthread_mutex_init(&c->m, NULL) != 0)
        free(c), c = NULL;
    return c;
}

void counter_free(struct counter *c)
{
    if (c != NULL)
        free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->m);
    c->x += amount;
    pthread_mutex_unlock(&c->m);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_get(struct counter *c)
{
    pthread_mutex_lock(&c->m);
    int64_t x = c->x;
    pthread_mutex_unlock(&c->m);
    return x;
}

/* TODO: threads. For now it is at least right. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int64_t k = 0;
    (void)threads;
    while (n-- > 0)
        k += predicate(n);
    return k;
}
