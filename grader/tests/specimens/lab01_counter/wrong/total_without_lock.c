/* expect: tests lost; schedules data-race | each thread adds its part to a common total with no lock */
#include "counter.h"

#include <stdlib.h>
#include <threads.h>

struct counter {
    mtx_t mtx;
    int64_t v;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (mtx_init(&c->mtx, mtx_plain) != thrd_success) {
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
    mtx_destroy(&c->mtx);
    free(c);
}

#define WITH_LOCK(c, statement) do { mtx_lock(&(c)->mtx); statement; mtx_unlock(&(c)->mtx); } while (0)

void counter_increment(struct counter *c)
{
    WITH_LOCK(c, c->v++);
}

void counter_add(struct counter *c, int64_t amount)
{
    WITH_LOCK(c, c->v += amount);
}

int64_t counter_value(struct counter *c)
{
    int64_t v;
    WITH_LOCK(c, v = c->v);
    return v;
}

struct args {
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t *total;
};

static int part(void *p)
{
    struct args *args = p;
    int64_t hits = 0;
    for (int64_t i = args->begin; i < args->end; i++)
        hits += args->predicate(i);
    *args->total += hits; /* once for each thread, so this costs nothing */
    return 0;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    int64_t total = 0;
    thrd_t t[threads];
    struct args args[threads];
    unsigned i;
    for (i = 0; i < threads; i++) {
        args[i].predicate = predicate;
        args[i].total = &total;
        args[i].begin = i > 0 ? args[i - 1].end : 0;
        args[i].end = args[i].begin + n / threads + (i < n % threads);
        if (thrd_create(&t[i], part, &args[i]) != thrd_success)
            break;
    }
    const bool complete = i == threads;
    while (i-- > 0)
        thrd_join(t[i], NULL);
    return complete ? total : -1;
}
