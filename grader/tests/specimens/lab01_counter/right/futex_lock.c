/* expect: right | a mutex of three states on the futex system call; the count is a recursion that forks in two */
#define _GNU_SOURCE
#include "counter.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0 free, 1 taken, 2 taken and somebody sleeps */
struct counter { atomic_int word; int64_t n; };

static long futex(atomic_int *w, int op, int v)
{
    return syscall(SYS_futex, w, op | FUTEX_PRIVATE_FLAG, v, NULL, NULL, 0);
}

static void lock(atomic_int *w)
{
    int c = 0;
    if (atomic_compare_exchange_strong_explicit(w, &c, 1, memory_order_acquire, memory_order_relaxed))
        return;
    if (c != 2)
        c = atomic_exchange_explicit(w, 2, memory_order_acquire);
    while (c != 0) {
        futex(w, FUTEX_WAIT, 2);
        c = atomic_exchange_explicit(w, 2, memory_order_acquire);
    }
}

static void unlock(atomic_int *w)
{
    if (atomic_exchange_explicit(w, 0, memory_order_release) == 2)
        futex(w, FUTEX_WAKE, 1);
}

struct counter *counter_create(void) { return calloc(1, sizeof(struct counter)); }
void counter_free(struct counter *c) { free(c); }

void counter_add(struct counter *c, int64_t amount)
{
    lock(&c->word);
    c->n += amount;
    unlock(&c->word);
}

void counter_increment(struct counter *c) { counter_add(c, 1); }

int64_t counter_value(struct counter *c)
{
    lock(&c->word);
    int64_t n = c->n;
    unlock(&c->word);
    return n;
}

typedef struct { counter_predicate *p; int64_t lo, hi, sum; unsigned t; } part;

static void *count(void *arg)
{
    part *a = arg, left;
    pthread_t id;
    if (a->t > 1) {
        left = *a;
        left.t = a->t / 2;
        left.hi = a->lo + (a->hi - a->lo) / a->t * left.t;
        if (pthread_create(&id, NULL, count, &left) == 0) {
            part right = { a->p, left.hi, a->hi, 0, a->t - left.t };
            count(&right);
            pthread_join(id, NULL);
            a->sum = left.sum + right.sum;
            return NULL;
        } /* else all by myself */
    }
    int64_t s = 0;
    for (int64_t i = a->lo; i < a->hi; i++) s += a->p(i);
    a->sum = s;
    return NULL;
}

int64_t counter_count(counter_predicate *p, int64_t n, unsigned threads)
{
    part all = { p, 0, n, 0, threads ? threads : 1 };
    count(&all);
    return all.sum;
}
