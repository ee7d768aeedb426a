/* expect: tests set_in_time_beats_the_time_out | a timed wait that is woken looks at the clock before the flag */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "event.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SET 1u
#define SLEEPERS 2u /* never together with SET */

struct event {
    _Atomic uint32_t word;
};

/* Absolute time, CLOCK_MONOTONIC; NULL is for ever. */
static void doze(_Atomic uint32_t *word, uint32_t expected, const struct timespec *until)
{
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static bool is_past(const struct timespec *until)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

static void rouse(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event != NULL)
        atomic_init(&event->word, 0);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    if (atomic_exchange(&event->word, SET) & SLEEPERS)
        rouse(&event->word);
}

void event_clear(struct event *event)
{
    atomic_fetch_and(&event->word, ~SET);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->word) & SET;
}

static bool wait_until(struct event *event, const struct timespec *until)
{
    uint32_t now = atomic_load(&event->word);
    for (;;) {
        if (now & SET)
            return true;
        if (now == 0 && !atomic_compare_exchange_weak(&event->word, &now, SLEEPERS))
            continue;
        doze(&event->word, SLEEPERS, until);
        if (until != NULL && is_past(until))
            return false;
        now = atomic_load(&event->word);
    }
}

void event_wait(struct event *event)
{
    wait_until(event, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    if (milliseconds == 0)
        return event_is_set(event);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return wait_until(event, &until);
}

enum { CLOSED, GO, CALLED_OFF };

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    _Atomic uint32_t gate;
    atomic_size_t next_index; /* drawn by the tasks when they are released */
    size_t n;
    thrd_t thread[];
};

static int body(void *p)
{
    struct event_tasks *t = p;
    uint32_t gate;
    while ((gate = atomic_load(&t->gate)) == CLOSED)
        doze(&t->gate, CLOSED, NULL);
    if (gate == GO) {
        event_wait(t->event);
        t->run(t->arg, atomic_fetch_add(&t->next_index, 1));
    }
    return 0;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t + n * sizeof t->thread[0]);
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    atomic_init(&t->gate, CLOSED);
    atomic_init(&t->next_index, 0);
    for (t->n = 0; t->n < n; t->n++)
        if (thrd_create(&t->thread[t->n], body, t) != thrd_success)
            break;
    bool complete = t->n == n;
    atomic_store(&t->gate, complete ? GO : CALLED_OFF);
    rouse(&t->gate);
    if (complete)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    while (tasks->n > 0)
        thrd_join(tasks->thread[--tasks->n], NULL);
    free(tasks);
}
