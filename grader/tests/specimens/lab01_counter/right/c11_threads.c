/* expect: right | C11 threads and mutexes from <threads.h> */
#include "counter.h"

#include <stdlib.h>
#include <threads.h>

struct counter {
    mtx_t mutex;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (mtx_init(&c->mutex, mtx_plain) != thrd_success) {
        free(c);
        return NULL;
    }
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    mtx_destroy(&c->mutex);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    mtx_lock(&c->mutex);
    c->value += amount;
    mtx_unlock(&c->mutex);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    mtx_lock(&c->mutex);
    int64_t value = c->value;
    mtx_unlock(&c->mutex);
    return value;
}

struct piece {
    counter_predicate *predicate;
    int64_t begin, end, hits;
    thrd_t thread;
};

static int count_piece(void *arg)
{
    struct piece *piece = arg;
    int64_t hits = 0;
    for (int64_t i = piece->begin; i < piece->end; i++)
        hits += piece->predicate(i);
    piece->hits = hits;
    return 0;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct piece pieces[64];
    if (threads == 0)
        threads = 1;
    unsigned made = 0;
    for (; made < threads; made++) {
        pieces[made] =
            (struct piece){.predicate = predicate, .begin = n * made / threads, .end = n * (made + 1) / threads};
        if (thrd_create(&pieces[made].thread, count_piece, &pieces[made]) != thrd_success)
            break;
    }
    int64_t hits = 0;
    for (unsigned i = 0; i < made; i++) {
        thrd_join(pieces[i].thread, NULL);
        hits += pieces[i].hits;
    }
    return made == threads ? hits : -1;
}
