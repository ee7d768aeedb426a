/* expect: right | own lock and own condition, both futexes; a time-out is what is left, worked out anew for each sleep; a wait without end sleeps a day at a time */
#define _GNU_SOURCE
#include "event.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define A_DAY (24u * 60 * 60 * 1000)

typedef struct { _Atomic uint32_t word; } lock_t;     /* 0 free, 1 held, 2 held and wanted */
typedef struct { _Atomic uint32_t rings; } bell_t;

struct event {
    lock_t lock;
    bell_t bell;
    bool set;
};

static void futex_sleep(_Atomic uint32_t *word, uint32_t while_it_is, const struct timespec *length)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_it_is, length, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int how_many)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

static void lock(lock_t *l)
{
    uint32_t c = 0;
    if (atomic_compare_exchange_strong(&l->word, &c, 1))
        return;
    if (c != 2)
        c = atomic_exchange(&l->word, 2);
    while (c != 0) {
        futex_sleep(&l->word, 2, NULL);
        c = atomic_exchange(&l->word, 2);
    }
}

static void unlock(lock_t *l)
{
    if (atomic_exchange(&l->word, 0) == 2)
        futex_wake(&l->word, 1);
}

/* With the lock held; gives it back while it sleeps. length NULL: until rung. */
static void sleep_on_bell(bell_t *b, lock_t *l, const struct timespec *length)
{
    uint32_t seen = atomic_load(&b->rings);
    unlock(l);
    futex_sleep(&b->rings, seen, length);
    lock(l);
}

static void ring(bell_t *b)
{
    atomic_fetch_add(&b->rings, 1);
    futex_wake(&b->rings, INT_MAX);
}

struct event *event_create(void)
{
    return calloc(1, sizeof(struct event));
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    lock(&event->lock);
    if (!event->set) {
        event->set = true;
        ring(&event->bell);
    }
    unlock(&event->lock);
}

void event_clear(struct event *event)
{
    lock(&event->lock);
    event->set = false;
    unlock(&event->lock);
}

bool event_is_set(struct event *event)
{
    return event_wait_for(event, 0);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const int64_t end = milliseconds == 0 ? 0 : now() + milliseconds * INT64_C(1000000);

    lock(&event->lock);
    while (!event->set) {
        const int64_t left = milliseconds == 0 ? 0 : end - now();
        if (left <= 0)
            break;
        const struct timespec length = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
        sleep_on_bell(&event->bell, &event->lock, &length);
    }
    const bool set = event->set;
    unlock(&event->lock);
    return set;
}

void event_wait(struct event *event)
{
    while (!event_wait_for(event, A_DAY))
        ;
}

/* ---- tasks: their gate is made of the same lock and bell ---- */

struct event_tasks {
    lock_t lock;
    bell_t bell;
    int verdict;               /* 0 still starting, 1 complete, 2 called off */
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    struct seat {
        struct event_tasks *t;
        pthread_t thread;
    } *seats;
};

static void *sit(void *p)
{
    struct seat *seat = p;
    struct event_tasks *t = seat->t;

    lock(&t->lock);
    while (t->verdict == 0)
        sleep_on_bell(&t->bell, &t->lock, NULL);
    int verdict = t->verdict;
    unlock(&t->lock);

    if (verdict == 1) {
        event_wait(t->event);
        t->run(t->arg, (size_t)(seat - t->seats));
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    if (n > 0 && (t->seats = calloc(n, sizeof *t->seats)) == NULL) {
        free(t);
        return NULL;
    }
    for (; t->n < n; t->n++) {
        t->seats[t->n].t = t;
        if (pthread_create(&t->seats[t->n].thread, NULL, sit, &t->seats[t->n]) != 0)
            break;
    }
    lock(&t->lock);
    t->verdict = t->n == n ? 1 : 2;
    ring(&t->bell);
    unlock(&t->lock);
    if (t->n == n)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        pthread_join(t->seats[i].thread, NULL);
    free(t->seats);
    free(t);
}
