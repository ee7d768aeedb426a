/* expect: right | helpers without `static`, with names that libc, the linker and the test programs have, too */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t total;
};

int64_t optind = 1, timezone;

void signal(struct counter *c) { pthread_mutex_unlock(&c->mutex); }
void wait(struct counter *c) { pthread_mutex_lock(&c->mutex); }
int error(void *p) { return p == NULL; }
struct counter *new(void) { return calloc(1, sizeof(struct counter)); }

struct counter *counter_create(void)
{
    struct counter *c = new();
    if (error(c)) return NULL;
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (error(c)) return;
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    wait(c);
    c->total += amount;
    signal(c);
}

void counter_increment(struct counter *c)
{
    counter_add(c, optind);
}

int64_t counter_value(struct counter *c)
{
    wait(c);
    int64_t now = c->total + timezone;
    signal(c);
    return now;
}

struct part {
    pthread_t thread;
    int started;
    counter_predicate *predicate;
    int64_t begin, end, hits;
};

void *write(void *argument)
{
    struct part *p = argument;
    int64_t hits = 0;
    for (int64_t i = p->begin; i < p->end; i++)
        hits += p->predicate(i);
    p->hits = hits;
    return NULL;
}

int64_t times(struct part *parts, unsigned n)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        if (parts[i].started) pthread_join(parts[i].thread, NULL);
        sum += parts[i].hits;
    }
    return sum;
}

void send(struct part *p, int on_own_thread)
{
    if (on_own_thread && pthread_create(&p->thread, NULL, write, p) == 0) p->started = 1;
    else write(p);
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0) threads = 1;
    struct part *parts = calloc(threads, sizeof *parts), all = {.predicate = predicate, .end = n};
    if (error(parts)) {
        write(&all);
        return all.hits;
    }
    for (unsigned i = 0; i < threads; i++) {
        parts[i].predicate = predicate;
        parts[i].begin = n / threads * i + (i < n % threads ? i : n % threads);
        parts[i].end = parts[i].begin + n / threads + (i < n % threads);
        send(&parts[i], i + 1 < threads);
    }
    int64_t sum = times(parts, threads);
    free(parts);
    return sum;
}
