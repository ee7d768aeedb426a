/* expect: tests counts_side_by_side; schedules predicate_uses_the_header | the sum of a thread is thread-local and set to 0 by each count; a predicate that itself counts, on the same thread (the caller does the first part itself), wipes out what the outer count had */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    if (pthread_mutex_init(&c->mutex, NULL) != 0) {
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
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->mutex);
    c->value += amount;
    pthread_mutex_unlock(&c->mutex);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->mutex);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->mutex);
    return value;
}

static _Thread_local int64_t hits;

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *count_part(void *arg)
{
    struct part *p = arg;
    hits = 0;
    for (int64_t i = p->from; i < p->to; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part part[64];
    unsigned started, wanted = threads > 0 ? threads : 1;
    int64_t at = n / wanted, sum = 0;

    part[0] = (struct part){ .predicate = predicate, .from = 0, .to = at };
    for (started = 1; started < wanted; started++) {
        struct part *p = &part[started];
        p->predicate = predicate;
        p->from = at;
        p->to = at += (n - at) / (wanted - started);
        if (pthread_create(&p->thread, NULL, count_part, p) != 0)
            break;
    }
    if (started == wanted)
        count_part(&part[0]);
    for (unsigned i = 1; i < started; i++) {
        pthread_join(part[i].thread, NULL);
        sum += part[i].hits;
    }
    return started == wanted ? sum + part[0].hits : -1;
}
