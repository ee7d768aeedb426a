/* expect: tests create can fail | does not look whether its threads could be started */
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64

struct counter { sem_t mutex; int64_t i; };

static void P(sem_t *s) { while (sem_wait(s)) ; /* EINTR */ }
static void V(sem_t *s) { sem_post(s); }

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof(*c));
    if (!c) return 0;
    memset(c, 0, sizeof(*c));
    sem_init(&c->mutex, 0, 1);
    return c;
}

void counter_free(struct counter *c)
{
    if (!c) return;
    sem_destroy(&c->mutex);
    free(c);
}

void counter_increment(struct counter *c)           { P(&c->mutex); c->i++;         V(&c->mutex); }
void counter_add(struct counter *c, int64_t amount) { P(&c->mutex); c->i += amount; V(&c->mutex); }

int64_t counter_value(struct counter *c)
{
    P(&c->mutex);
    int64_t i = c->i;
    V(&c->mutex);
    return i;
}

typedef struct arg { counter_predicate *f; int64_t k, step, n, r; } arg_t;

static void *thread(void *a_)
{
    arg_t *a = a_, mine = *a;
    while (mine.k < mine.n) {
        if (mine.f(mine.k)) mine.r++;
        mine.k += mine.step;
    }
    a->r = mine.r;
    return 0;
}

int64_t counter_count(counter_predicate *f, int64_t n, unsigned threads)
{
    pthread_t t[MAX_THREADS] = {0};
    arg_t a[MAX_THREADS] = {0};
    int64_t r = 0;
    if (!threads) threads++;
    for (unsigned j = 0; j < threads; j++) {
        a[j].f = f; a[j].k = j; a[j].step = threads; a[j].n = n;
        pthread_create(&t[j], 0, thread, &a[j]);
    }
    for (unsigned j = 0; j < threads; j++) {
        if (t[j]) pthread_join(t[j], 0);
        r += a[j].r;
    }
    return r;
}
