/* expect: right | a semaphore of one as the lock; sums on lines of their own, written for each hit */
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

struct counter {
    sem_t free; /* 1: nobody is inside */
    int64_t value;
};

static void enter(struct counter *c)
{
    while (sem_wait(&c->free) != 0)
        continue; /* a signal came */
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c) {
        sem_init(&c->free, 0, 1);
        c->value = 0;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (c)
        sem_destroy(&c->free);
    free(c);
}

void counter_increment(struct counter *c)
{
    enter(c);
    c->value += 1;
    sem_post(&c->free);
}

void counter_add(struct counter *c, int64_t amount)
{
    enter(c);
    c->value += amount;
    sem_post(&c->free);
}

int64_t counter_value(struct counter *c)
{
    enter(c);
    int64_t value = c->value;
    sem_post(&c->free);
    return value;
}

struct part {
    _Alignas(128) int64_t hits;
    int64_t from, to;
    counter_predicate *predicate;
    pthread_t thread;
};

static void *count_hits(void *arg)
{
    struct part *part = arg;
    for (int64_t i = part->from; i < part->to; i++)
        if (part->predicate(i))
            part->hits++;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part parts[64];
    unsigned count = threads < 1 ? 1 : threads, made = 1;
    int64_t hits = 0;
    for (unsigned i = 0; i < count; i++) {
        parts[i].hits = 0;
        parts[i].from = n * i / count;
        parts[i].to = n * (i + 1) / count;
        parts[i].predicate = predicate;
    }
    for (; made < count; made++)
        if (pthread_create(&parts[made].thread, NULL, count_hits, &parts[made]) != 0)
            break;
    count_hits(&parts[0]); /* the caller works, too */
    hits = parts[0].hits;
    for (unsigned i = 1; i < made; i++) {
        pthread_join(parts[i].thread, NULL);
        hits += parts[i].hits;
    }
    return made < count ? -1 : hits;
}
