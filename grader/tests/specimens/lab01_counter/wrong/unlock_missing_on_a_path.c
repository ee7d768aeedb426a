/* expect: tests unlocked; schedules exit-with-lock; races NOT_RUN | counter_add returns early when there is nothing to add and keeps the lock */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "counter.h"

struct counter {
    int64_t count;
    pthread_mutex_t guard; // for count
};

struct counter* counter_create(void) {
    struct counter* c = malloc(sizeof(struct counter));
    if (c == NULL) return NULL;
    c->count = 0;
    if (pthread_mutex_init(&c->guard, NULL)) {
        free(c);
        return NULL;
    }
    return c;
}

void counter_free(struct counter* c) {
    if (c == NULL) return;
    pthread_mutex_destroy(&c->guard);
    free(c);
}

void counter_increment(struct counter* c) {
    counter_add(c, 1);
}

void counter_add(struct counter* c, int64_t amount) {
    pthread_mutex_lock(&c->guard);
    switch (amount) {
    case 0: // no work
        return;
    case 1:
        ++c->count;
        break;
    default:
        c->count = c->count + amount;
    }
    pthread_mutex_unlock(&c->guard);
}

int64_t counter_value(struct counter* c) {
    pthread_mutex_lock(&c->guard);
    const int64_t seen = c->count;
    pthread_mutex_unlock(&c->guard);
    return seen;
}

// The caller counts the first part itself, thread i counts part i + 1.
struct half_open {
    counter_predicate* good;
    int64_t lo, hi;
};

static void* tally(void* arg) {
    const struct half_open* r = arg;
    uintptr_t hits = 0;
    for (int64_t i = r->lo; i < r->hi; i++) hits += r->good(i);
    return (void*)hits;
}

int64_t counter_count(counter_predicate* predicate, int64_t n, unsigned threads) {
    if (threads == 0) threads = 1;
    struct half_open part[64];
    pthread_t helper[64];
    unsigned helpers = 0;
    for (unsigned i = 0; i < threads; i++) {
        part[i].good = predicate;
        part[i].lo = n / threads * i;
        part[i].hi = i + 1 == threads ? n : n / threads * (i + 1);
    }
    while (helpers + 1 < threads && !pthread_create(&helper[helpers], NULL, tally, &part[helpers + 1])) helpers++;
    int64_t hits = (int64_t)(uintptr_t)tally(&part[0]);
    for (unsigned i = helpers + 1; i < threads; i++) hits += (int64_t)(uintptr_t)tally(&part[i]); // nobody else would
    for (unsigned i = 0; i < helpers; i++) {
        void* theirs;
        pthread_join(helper[i], &theirs);
        hits += (int64_t)(uintptr_t)theirs;
    }
    return hits;
}
