/* expect: schedules data-race; races race | the result is right, but a progress variable is written with no lock */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct counter {
    _Atomic long long a;
} counter_t;

counter_t *counter_create(void)
{
    counter_t *c = (counter_t *) calloc(1, sizeof(counter_t));
    return c;
}

void counter_free(counter_t *c)                     { free(c); }
void counter_increment(counter_t *c)                { atomic_fetch_add(&c->a, 1LL); }
void counter_add(counter_t *c, int64_t amount)      { atomic_fetch_add(&c->a, amount); }
int64_t counter_value(counter_t *c)                 { return atomic_load(&c->a); }

/* everything one run needs, in one struct, so no globals */
typedef struct run {
    counter_predicate *predicate;
    int64_t n;
    atomic_llong turn;      /* next block */
    atomic_llong found;
    int64_t percent;        /* for the progress bar, does not matter if it is a bit off */
} run_t;

#define BLOCK 2048

static void *run_main(void *ptr)
{
    run_t *run = (run_t *) ptr;
    int64_t found = 0, b;
    do {
        b = atomic_fetch_add(&run->turn, 1) * BLOCK;
        for (int64_t i = b; i < run->n && i < b + BLOCK; i++)
            if (run->predicate(i) == true)
                found++;
        if (b < run->n)
            run->percent = 100 * b / run->n;
    } while (b < run->n);
    atomic_fetch_add(&run->found, found);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    run_t run = { predicate, n, 0, 0, 0 };
    pthread_t tids[63];
    unsigned extra = 0;
    /* the caller works, too */
    while (extra + 1 < threads) {
        if (pthread_create(&tids[extra], NULL, run_main, &run) != 0)
            break;
        extra++;
    }
    run_main(&run);
    while (extra > 0)
        pthread_join(tids[--extra], NULL);
    return run.found;
}
