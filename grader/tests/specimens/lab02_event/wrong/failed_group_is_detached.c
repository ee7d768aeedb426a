/* expect: schedules returned NULL | when a thread cannot be started the others are sent home but not joined */
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
#include <time.h>
#include <unistd.h>

typedef _Atomic uint32_t word;

/* Sleeps while *w == seen; returns true if the moment `until` (NULL: never) has come. */
static bool nap(word *w, uint32_t seen, const struct timespec *until)
{
    long r = syscall(SYS_futex, w, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
    return r == -1 && errno == ETIMEDOUT;
}

static void wake_all(word *w)
{
    syscall(SYS_futex, w, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

struct event {
    word set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event)
        atomic_init(&event->set, 0);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    atomic_store(&event->set, 1);
    wake_all(&event->set);
}

void event_clear(struct event *event)
{
    atomic_store(&event->set, 0);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->set) != 0;
}

void event_wait(struct event *event)
{
    while (!event_is_set(event))
        nap(&event->set, 0, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until;

    if (milliseconds == 0)
        return event_is_set(event);
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)milliseconds * 1000000u;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);

    while (!event_is_set(event))
        if (nap(&event->set, 0, &until))
            return event_is_set(event);
    return true;
}

enum { CLOSED, OPEN, CONDEMNED };

struct event_tasks {
    word gate;
    atomic_size_t users; /* only for a condemned group: who goes last frees it */
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    struct seat {
        struct event_tasks *group;
        pthread_t thread;
    } seat[];
};

static void *sit(void *p)
{
    struct seat *seat = p;
    struct event_tasks *g = seat->group;
    uint32_t verdict;

    while ((verdict = atomic_load_explicit(&g->gate, memory_order_acquire)) == CLOSED)
        nap(&g->gate, CLOSED, NULL);
    if (verdict == OPEN) {
        event_wait(g->event);
        g->run(g->arg, (size_t)(seat - g->seat));
    } else if (atomic_fetch_sub(&g->users, 1) == 1) {
        free(g);
    }
    return NULL;
}

static void open_gate(struct event_tasks *g, uint32_t verdict)
{
    atomic_store_explicit(&g->gate, verdict, memory_order_release);
    wake_all(&g->gate);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = malloc(sizeof *g + n * sizeof g->seat[0]);

    if (!g)
        return NULL;
    atomic_init(&g->gate, CLOSED);
    g->event = event;
    g->run = run;
    g->arg = arg;
    for (g->n = 0; g->n < n; g->n++) {
        struct seat *s = &g->seat[g->n];
        s->group = g;
        if (pthread_create(&s->thread, NULL, sit, s) != 0) {
            atomic_store(&g->users, g->n + 1);
            for (size_t i = 0; i < g->n; i++)
                pthread_detach(g->seat[i].thread);
            open_gate(g, CONDEMNED);
            if (atomic_fetch_sub(&g->users, 1) == 1)
                free(g);
            return NULL;
        }
    }
    open_gate(g, OPEN);
    return g;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    while (tasks->n > 0)
        pthread_join(tasks->seat[--tasks->n].thread, NULL);
    free(tasks);
}
