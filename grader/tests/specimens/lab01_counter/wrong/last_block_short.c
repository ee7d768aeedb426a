/* expect: tests exact; schedules assertion | n / threads numbers for each thread: the rest of the division is forgotten */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include "counter.h"

struct counter {
    pthread_spinlock_t spin;
    volatile int64_t   val;
};

struct counter *counter_create(void) {
    struct counter *new = malloc(sizeof *new);
    if (!new || pthread_spin_init(&new->spin, PTHREAD_PROCESS_PRIVATE)) {
        free(new);
        return NULL;
    }
    new->val = 0;
    return new;
}

void counter_free(struct counter *old) {
    if (old) pthread_spin_destroy(&old->spin);
    free(old);
}

/* adds and returns the sum, all in one */
static int64_t fetch(struct counter *c, int64_t delta) {
    pthread_spin_lock(&c->spin);
    int64_t r = c->val += delta;
    pthread_spin_unlock(&c->spin);
    return r;
}

void counter_increment(struct counter *c)           { fetch(c, +1); }
void counter_add(struct counter *c, int64_t amount) { fetch(c, amount); }
int64_t counter_value(struct counter *c)            { return fetch(c, 0); }

struct ctx {
    int rank;             /* 0, 1, ... */
    int64_t chunk;        /* numbers for each thread */
    bool (*fn)(int64_t);
    int64_t out;
    pthread_t tid;
};

static void *thread_fn(void *v) {
    struct ctx *ctx = v;
    int64_t i = ctx->rank * ctx->chunk, left = ctx->chunk, acc = 0;
    while (left-- > 0)
        acc += (*ctx->fn)(i++) ? 1 : 0;
    ctx->out = acc;
    return v;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads) {
    int nt = threads < 1 ? 1 : (int)threads, made = 0;
    struct ctx *ctx = calloc((size_t)nt, sizeof *ctx);
    int64_t all = 0;
    if (!ctx) return -1;
    for (; made < nt; made++) {
        ctx[made] = (struct ctx){ .rank = made, .chunk = n / nt, .fn = predicate };
        if (pthread_create(&ctx[made].tid, NULL, thread_fn, ctx + made)) break;
    }
    for (int t = 0; t < made; t++) {
        pthread_join(ctx[t].tid, NULL);
        all += ctx[t].out;
    }
    free(ctx);
    return made < nt ? -1 : all;
}
