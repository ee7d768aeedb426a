/* expect: right | a plain mutex; every part of the count has a card from malloc with 64 bytes of air on both sides, written for each hit by one thread, freed first to last after the joins */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t m;
    int64_t v;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (pthread_mutex_init(&c->m, NULL) != 0) {
        free(c);
        return NULL;
    }
    c->v = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
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

/* What is written for each hit stands alone: 64 bytes of air on either side, so that no cache line of
 * it holds anything else, wherever malloc puts it. */
struct card {
    char before[64];
    volatile int64_t hits;
    char after[64];
};

struct part {
    counter_predicate *p;
    int64_t from, to;
    struct card *card;
    int64_t result;             /* written once, at the end */
};

static void *run(void *v)
{
    struct part *q = v;
    counter_predicate *p = q->p;
    struct card *card = q->card;
    const int64_t to = q->to;
    card->hits = 0;
    for (int64_t i = q->from; i < to; i++)
        if (p(i))
            card->hits++;
    q->result = card->hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    unsigned t = threads ? threads : 1, cards, made = 0;
    int64_t total = -1;
    struct part q[64];
    pthread_t id[64];
    for (cards = 0; cards < t; cards++) {
        q[cards].p = predicate;
        q[cards].from = n * cards / t;
        q[cards].to = n * (cards + 1) / t;
        q[cards].card = malloc(sizeof *q[cards].card);
        if (q[cards].card == NULL)
            break;
    }
    if (cards == t) {
        while (made + 1 < t && pthread_create(&id[made], NULL, run, &q[made + 1]) == 0)
            made++;
        run(&q[0]);                     /* the caller takes the first part */
        for (unsigned k = made + 1; k < t; k++)
            run(&q[k]);                 /* and those for which no thread was to be had */
        for (unsigned k = 0; k < made; k++)
            pthread_join(id[k], NULL);
        total = 0;
        for (unsigned k = 0; k < t; k++)
            total += q[k].result;
    }
    for (unsigned k = 0; k < cards; k++)
        free(q[k].card);
    return total;
}
