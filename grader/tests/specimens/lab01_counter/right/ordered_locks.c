/* expect: right | stripes with a lock each; whoever needs several takes them in the order of their index */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

#define STRIPES 2
#define FULL    1000 /* a stripe that holds more hands it on to stripe 0 */

struct counter {
    struct stripe {
        _Alignas(64) pthread_mutex_t lock;
        int64_t sum;
    } stripes[STRIPES];
};

struct counter *counter_create(void) {
    struct counter *c = aligned_alloc(64, sizeof *c);
    for (int i = 0; c && i < STRIPES; i++) {
        pthread_mutex_init(&c->stripes[i].lock, NULL);
        c->stripes[i].sum = 0;
    }
    return c;
}

void counter_free(struct counter *c) {
    for (int i = 0; c && i < STRIPES; i++)
        pthread_mutex_destroy(&c->stripes[i].lock);
    free(c);
}

static void lock_all(struct counter *c) {
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_lock(&c->stripes[i].lock);
}

static void unlock_all(struct counter *c) {
    for (int i = STRIPES - 1; i >= 0; i--)
        pthread_mutex_unlock(&c->stripes[i].lock);
}

/* Adds everything up in stripe 0: the locks are asked for from 0 upwards, here as everywhere. */
static int64_t transfer(struct counter *c) {
    lock_all(c);
    for (int i = 1; i < STRIPES; i++) {
        c->stripes[0].sum += c->stripes[i].sum;
        c->stripes[i].sum = 0;
    }
    int64_t sum = c->stripes[0].sum;
    unlock_all(c);
    return sum;
}

void counter_add(struct counter *c, int64_t amount) {
    /* The stack tells threads apart well enough, and any stripe is right. */
    struct stripe *s = &c->stripes[(uintptr_t)pthread_self() / 4096 % STRIPES];
    pthread_mutex_lock(&s->lock);
    s->sum += amount;
    int full = s->sum > FULL || s->sum < -FULL;
    pthread_mutex_unlock(&s->lock);
    if (full && s != c->stripes)
        transfer(c);
}

void counter_increment(struct counter *c) {
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c) {
    return transfer(c);
}

struct lot { counter_predicate *p; int64_t i, end, hits; };

static void *draw(void *v) {
    struct lot lot = *(struct lot *)v;
    for (; lot.i < lot.end; lot.i++)
        lot.hits += lot.p(lot.i);
    ((struct lot *)v)->hits = lot.hits;
    return v;
}

int64_t counter_count(counter_predicate *p, int64_t n, unsigned threads) {
    unsigned k, made = 0, all = threads ? threads : 1;
    struct lot lots[64];
    pthread_t t[64];
    int64_t hits = 0;
    for (k = 0; k < all; k++) {
        lots[k] = (struct lot){ p, n / all * k + (n % all) * k / all, n / all * (k + 1) + (n % all) * (k + 1) / all, 0 };
        if (pthread_create(&t[k], NULL, draw, &lots[k]))
            break;
        made++;
    }
    for (k = 0; k < made; k++) {
        pthread_join(t[k], NULL);
        hits += lots[k].hits;
    }
    return made == all ? hits : -1;
}
