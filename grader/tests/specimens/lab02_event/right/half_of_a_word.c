/* expect: right | one 64-bit atomic: how often it was set or cleared in one half, how many sleep in the other; the futex is half of the word */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Low half: odd while set, steps at each change. High half: sleepers. x86-64 is little-endian. */
union word {
    _Atomic uint64_t both;
    uint32_t half[2];
};

struct event {
    union word w;
};

#define SLEEPER (UINT64_C(1) << 32)

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e != NULL)
        atomic_init(&e->w.both, 0);
    return e;
}

void event_free(struct event *e)
{
    free(e);
}

/* Makes the low half odd or even; returns what stood there before. */
static uint64_t step_to(struct event *e, unsigned odd)
{
    uint64_t old = atomic_load(&e->w.both), new;
    do {
        if ((old & 1) == odd)
            return old;
        new = (old & ~(uint64_t)UINT32_MAX) | (uint32_t)(old + 1);
    } while (!atomic_compare_exchange_weak(&e->w.both, &old, new));
    return old;
}

void event_set(struct event *e)
{
    const uint64_t old = step_to(e, 1);
    if ((old & 1) == 0 && old >= SLEEPER)
        syscall(SYS_futex, &e->w.half[0], FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *e)
{
    step_to(e, 0);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->w.both) & 1;
}

/* Comes back once the low half is another one than on entry, or at the end of time. */
static bool sleep_until(struct event *e, const struct timespec *end)
{
    uint64_t now = atomic_load(&e->w.both);
    if (now & 1)
        return true;
    const uint32_t at_entry = (uint32_t)now;
    bool in_time = true;
    now = atomic_fetch_add(&e->w.both, SLEEPER);
    while ((uint32_t)now == at_entry && in_time) {
        if (syscall(SYS_futex, &e->w.half[0], FUTEX_WAIT_BITSET_PRIVATE, at_entry, end, NULL,
                    FUTEX_BITSET_MATCH_ANY) == -1 &&
            errno == ETIMEDOUT)
            in_time = false;
        now = atomic_load(&e->w.both);
    }
    now = atomic_fetch_sub(&e->w.both, SLEEPER);
    return (uint32_t)now != at_entry;
}

void event_wait(struct event *e)
{
    sleep_until(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const uint64_t ns = (uint64_t)t.tv_nsec + milliseconds % 1000u * UINT64_C(1000000);
    t.tv_sec += (time_t)(milliseconds / 1000u + ns / 1000000000u);
    t.tv_nsec = (long)(ns % 1000000000u);
    return sleep_until(e, &t);
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    mtx_t hold;
    int verdict;
    size_t made, handed_out;
    thrd_t thread[64];
};

static int task_thread(void *p)
{
    struct event_tasks *t = p;
    mtx_lock(&t->hold);
    const int verdict = t->verdict;
    const size_t index = t->handed_out++;
    mtx_unlock(&t->hold);
    if (verdict == 0) {
        event_wait(t->event);
        t->run(t->arg, index);
    }
    return 0;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    t->verdict = 0;
    t->made = t->handed_out = 0;
    if (mtx_init(&t->hold, mtx_plain) != thrd_success) {
        free(t);
        return NULL;
    }
    mtx_lock(&t->hold);
    while (t->made < n)
        if (thrd_create(&t->thread[t->made], task_thread, t) == thrd_success)
            t->made++;
        else {
            t->verdict = -1;
            break;
        }
    const int verdict = t->verdict;
    mtx_unlock(&t->hold);
    if (verdict == 0)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->made; i++)
        thrd_join(t->thread[i], NULL);
    mtx_destroy(&t->hold);
    free(t);
}
