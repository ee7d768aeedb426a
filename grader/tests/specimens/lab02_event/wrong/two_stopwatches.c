/* expect: tests time_out_is_kept | the stopwatch is started with CLOCK_MONOTONIC_RAW and read with CLOCK_MONOTONIC: the longer the machine runs, the further these two are apart */
#define _GNU_SOURCE
#include "event.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/*
 * turns counts what happened to the event, a set and a clear in turn, so an odd number means that it is set. Who
 * sleeps on an even number is woken by the set that makes it odd.
 */
struct event {
    atomic_uint turns;
};

static bool is_odd(unsigned turns)
{
    return (turns & 1u) != 0;
}

/* ---- stopwatch: nanoseconds since it was started ---- */

typedef struct {
    struct timespec started;
} stopwatch;

static stopwatch stopwatch_start(void)
{
    stopwatch watch;
    clock_gettime(CLOCK_MONOTONIC_RAW, &watch.started); /* nobody corrects this one */
    return watch;
}

static long long stopwatch_read(const stopwatch *watch)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - watch->started.tv_sec) * 1000000000LL + (now.tv_nsec - watch->started.tv_nsec);
}

/* ---- event ---- */

static void sleep_while(atomic_uint *word, unsigned value, const struct timespec *at_most)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, at_most, NULL, 0);
}

static void wake_all(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* The next turn, if it is the other one that has to come. Returns whether it was. */
static bool turn(struct event *event, bool to_set)
{
    unsigned turns = atomic_load(&event->turns);
    do
        if (is_odd(turns) == to_set)
            return false;
    while (!atomic_compare_exchange_weak(&event->turns, &turns, turns + 1));
    return true;
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof(struct event));
    if (event)
        atomic_init(&event->turns, 0u);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

void event_set(struct event *event)
{
    if (turn(event, true))
        wake_all(&event->turns);
}

void event_clear(struct event *event)
{
    turn(event, false);
}

bool event_is_set(struct event *event)
{
    return is_odd(atomic_load(&event->turns));
}

void event_wait(struct event *event)
{
    for (unsigned turns; turns = atomic_load(&event->turns), !is_odd(turns);)
        sleep_while(&event->turns, turns, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const long long whole = milliseconds * 1000000LL;
    const stopwatch watch = stopwatch_start();
    for (;;) {
        const unsigned turns = atomic_load(&event->turns);
        if (is_odd(turns))
            return true;
        const long long left = whole - stopwatch_read(&watch);
        if (left <= 0)
            return event_is_set(event);
        const struct timespec nap = {.tv_sec = (time_t)(left / 1000000000LL), .tv_nsec = (long)(left % 1000000000LL)};
        sleep_while(&event->turns, turns, &nap);
    }
}

/* ---- tasks ---- */

enum { MANY = 64 };

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    struct event *curtain; /* an event, too: it is set when the fate of the group is known */
    atomic_bool cancelled;
    atomic_size_t next, running;
    thrd_t hand[MANY];
};

static int play(void *group)
{
    struct event_tasks *tasks = group;
    event_wait(tasks->curtain);
    if (!atomic_load(&tasks->cancelled)) {
        const size_t part = atomic_fetch_add(&tasks->next, 1);
        event_wait(tasks->event);
        tasks->run(tasks->arg, part);
    }
    return EXIT_SUCCESS;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    struct event *curtain = event_create();
    if (!tasks || !curtain) {
        free(tasks);
        free(curtain);
        return NULL;
    }
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    tasks->curtain = curtain;
    size_t started = 0;
    while (started < n && thrd_create(&tasks->hand[started], play, tasks) == thrd_success)
        started++;
    atomic_store(&tasks->running, started);
    atomic_store(&tasks->cancelled, started < n);
    event_set(curtain);
    if (started == n)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    for (size_t i = atomic_load(&tasks->running); i-- > 0;)
        thrd_join(tasks->hand[i], NULL);
    event_free(tasks->curtain);
    free(tasks);
}
