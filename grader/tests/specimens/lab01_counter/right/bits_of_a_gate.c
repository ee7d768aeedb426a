/* expect: right | one 64-bit word guarded by a futex bit beside it, with a note of who sleeps; a page of its own for the sum of each thread */
#define _GNU_SOURCE
#include "counter.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HELD = 1, WANTED = 2 };

struct counter {
    atomic_int gate;
    int64_t value;
};

struct counter *counter_create(void)
{
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *c)
{
    free(c);
}

static void shut(struct counter *c)
{
    int was = atomic_fetch_or_explicit(&c->gate, HELD, memory_order_acquire);
    while (was & HELD) {
        was = atomic_fetch_or_explicit(&c->gate, HELD | WANTED, memory_order_acquire);
        if (was & HELD)
            syscall(SYS_futex, &c->gate, FUTEX_WAIT_PRIVATE, HELD | WANTED, NULL, NULL, 0);
    }
}

static void open_up(struct counter *c)
{
    if (atomic_exchange_explicit(&c->gate, 0, memory_order_release) & WANTED)
        syscall(SYS_futex, &c->gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void counter_add(struct counter *c, int64_t amount)
{
    shut(c);
    c->value += amount;
    open_up(c);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    shut(c);
    int64_t value = c->value;
    open_up(c);
    return value;
}

/* A page of its own for each thread: nothing is shared, however it is written. */
struct page {
    counter_predicate *predicate;
    int64_t at, end, hits;
    pthread_t id;
};

static void *turn(void *p)
{
    for (struct page *page = p; page->at < page->end; page->at++)
        page->hits += page->predicate(page->at);
    return p;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const size_t step = 4096;
    threads = threads ? threads : 1;
    char *pages = aligned_alloc(step, threads * step);
    if (pages == NULL)
        return -1;
    memset(pages, 0, threads * step);
    unsigned started = 0;
    int64_t sum = 0;
    for (; started < threads; started++) {
        struct page *page = (struct page *)(pages + started * step);
        page->predicate = predicate;
        page->at = n / threads * started + (started < n % threads ? started : n % threads);
        page->end = page->at + n / threads + (started < n % threads);
        if (pthread_create(&page->id, NULL, turn, page) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        struct page *page = (struct page *)(pages + i * step);
        pthread_join(page->id, NULL);
        sum += page->hits;
    }
    free(pages);
    return started < threads ? -1 : sum;
}
