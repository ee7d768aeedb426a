/* expect: right | a semaphore waited for without a loop, all signals blocked meanwhile: none can end sem_wait */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

/*
 * sem_wait may come back with EINTR and without the permit when a signal is handled meanwhile. I do not check for
 * that: while this thread wants or has the permit it takes no signals at all. They are delivered afterwards.
 */
struct counter {
    sem_t permit;
    int64_t total;
};

static void enter(struct counter *c, sigset_t *before)
{
    sigset_t every;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, before);
    sem_wait(&c->permit);
}

static void leave(struct counter *c, const sigset_t *before)
{
    sem_post(&c->permit);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (sem_init(&c->permit, 0, 1) == -1) {
        free(c);
        return NULL;
    }
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    sem_destroy(&c->permit);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    sigset_t before;
    enter(c, &before);
    c->total += amount;
    leave(c, &before);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    sigset_t before;
    enter(c, &before);
    int64_t total = c->total;
    leave(c, &before);
    return total;
}

struct share {
    pthread_t id;
    counter_predicate *predicate;
    int64_t from, to, found;
};

static void *search(void *arg)
{
    struct share *s = arg;
    int64_t found = 0;
    for (int64_t k = s->from; k < s->to; ++k)
        if (s->predicate(k))
            ++found;
    s->found = found;
    return NULL;
}

/* Signals are for the caller: the threads are born with all of them blocked. */
int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct share *shares = calloc(threads, sizeof *shares);
    if (!shares)
        return -1;

    sigset_t every, before;
    sigfillset(&every);
    unsigned running = 0;
    int64_t from = 0;
    pthread_sigmask(SIG_SETMASK, &every, &before);
    for (; running < threads; ++running) {
        struct share *s = &shares[running];
        s->predicate = predicate;
        s->from = from;
        s->to = from += n / threads + (running < n % threads ? 1 : 0);
        if (pthread_create(&s->id, NULL, search, s) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    int64_t found = 0;
    for (unsigned i = 0; i < running; ++i) {
        pthread_join(shares[i].id, NULL);
        found += shares[i].found;
    }
    free(shares);
    return running == threads ? found : -1;
}
