/* expect: right | a byte in a pipe is the lock: whoever has read it may go on, and writes it back */
#define _GNU_SOURCE
#include "counter.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct counter {
    int out, in; /* ends of the pipe */
    int64_t value;
};

static void acquire(struct counter *c)
{
    char token;
    while (read(c->out, &token, 1) != 1)
        continue;
}

static void release(struct counter *c)
{
    while (write(c->in, "", 1) != 1)
        continue;
}

struct counter *counter_create(void)
{
    int ends[2];
    struct counter *c = malloc(sizeof *c);
    if (c == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(c);
        return NULL;
    }
    c->out = ends[0];
    c->in = ends[1];
    c->value = 0;
    release(c);
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    close(c->in);
    close(c->out);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    acquire(c);
    c->value += amount;
    release(c);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    acquire(c);
    const int64_t value = c->value;
    release(c);
    return value;
}

/* Threads that pass through a barrier before they begin, so that all of them exist or none has asked anything. */
struct crew {
    counter_predicate *predicate;
    int64_t n;
    unsigned size;
    pthread_mutex_t gate;
    bool complete;
    struct hand {
        struct crew *crew;
        pthread_t id;
        int64_t hits;
    } hands[];
};

static void *toil(void *p)
{
    struct hand *hand = p;
    struct crew *crew = hand->crew;
    pthread_mutex_lock(&crew->gate);
    const bool go = crew->complete;
    pthread_mutex_unlock(&crew->gate);
    int64_t hits = 0;
    for (int64_t i = hand - crew->hands; go && i < crew->n; i += crew->size)
        hits += crew->predicate(i);
    hand->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const unsigned size = threads == 0 ? 1 : threads;
    struct crew *crew = malloc(sizeof *crew + size * sizeof crew->hands[0]);
    int64_t hits = 0;
    unsigned k = 0;
    if (crew == NULL)
        return -1;
    *crew = (struct crew){.predicate = predicate, .n = n, .size = size, .gate = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&crew->gate);
    for (; k < size; k++) {
        crew->hands[k].crew = crew;
        if (pthread_create(&crew->hands[k].id, NULL, toil, &crew->hands[k]) != 0)
            break;
    }
    const bool complete = crew->complete = k == size;
    pthread_mutex_unlock(&crew->gate);
    while (k-- > 0) {
        pthread_join(crew->hands[k].id, NULL);
        hits += crew->hands[k].hits;
    }
    pthread_mutex_destroy(&crew->gate);
    free(crew);
    return complete ? hits : -1;
}
