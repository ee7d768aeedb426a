/* expect: right | recursive mutex; the threads receive ranges as packets until the end of the socket, which the caller announces by shutdown and close */
#define _GNU_SOURCE
#include "counter.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct counter {
    pthread_mutex_t m;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct counter){PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, 0};
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->m);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->m);
    c->value += amount;
    pthread_mutex_unlock(&c->m);
}

void counter_increment(struct counter *c) { counter_add(c, 1); }

int64_t counter_value(struct counter *c)
{
    pthread_mutex_lock(&c->m);
    const int64_t v = c->value;
    pthread_mutex_unlock(&c->m);
    return v;
}

struct range {
    counter_predicate *predicate;
    int64_t from, to;
};

static void *worker(void *arg)
{
    const int fd = (int)(intptr_t)arg;
    int64_t hits = 0;
    struct range r;
    ssize_t got;
    while ((got = recv(fd, &r, sizeof r, 0)) != 0)
        if (got == (ssize_t)sizeof r)
            for (int64_t i = r.from; i < r.to; i++)
                hits += r.predicate(i);
    return (void *)(intptr_t)hits;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int fd[2];
    pthread_t t[64];
    unsigned started = 0;
    if (threads == 0)
        threads = 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
        return -1;
    while (started < threads && pthread_create(&t[started], NULL, worker, (void *)(intptr_t)fd[1]) == 0)
        started++;
    int64_t block = n / (8 * (int64_t)threads) + 1, total = 0;
    if (block > n / threads + 1)
        block = n / threads + 1;
    for (int64_t from = 0; from < n && started > 0; from += block) {
        struct range r = {predicate, from, n - from < block ? n : from + block};
        while (send(fd[0], &r, sizeof r, MSG_NOSIGNAL) != (ssize_t)sizeof r)
            ;
    }
    shutdown(fd[0], SHUT_WR);
    close(fd[0]);
    const bool counted = started > 0 || n == 0;
    while (started > 0) {
        void *hits;
        pthread_join(t[--started], &hits);
        total += (intptr_t)hits;
    }
    close(fd[1]);
    return counted ? total : -1;
}
