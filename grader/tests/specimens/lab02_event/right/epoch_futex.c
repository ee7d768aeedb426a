/* expect: right | futex on a counter that is odd while the event is set, and a count of sleepers that saves system calls */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct event {
    atomic_uint epoch;    /* odd: set; even: not set; goes up by one at each change */
    atomic_uint sleepers; /* threads that sleep or are about to */
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    atomic_init(&event->epoch, 0);
    atomic_init(&event->sleepers, 0);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

/* Steps to the next epoch if the present one has the parity `from`; says whether it did. */
static bool step(struct event *event, unsigned from)
{
    unsigned epoch = atomic_load(&event->epoch);
    while ((epoch & 1) == from)
        if (atomic_compare_exchange_weak(&event->epoch, &epoch, epoch + 1))
            return true;
    return false;
}

void event_set(struct event *event)
{
    /*
     * The sleeper counts itself and then looks at the epoch; we change the epoch and then look at the count; all
     * sequentially consistent. One of the two sees the other.
     */
    if (step(event, 0) && atomic_load(&event->sleepers) > 0)
        syscall(SYS_futex, &event->epoch, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *event)
{
    step(event, 1);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->epoch) & 1;
}

/* A new epoch after an even one means that the event was set, even if it is cleared again by now. */
static bool sleep_through(struct event *event, unsigned epoch, const struct timespec *until)
{
    bool up = false;

    atomic_fetch_add(&event->sleepers, 1);
    while (!up && atomic_load(&event->epoch) == epoch)
        up = syscall(SYS_futex, &event->epoch, FUTEX_WAIT_BITSET_PRIVATE, epoch, until, NULL,
                     FUTEX_BITSET_MATCH_ANY) == -1
             && errno == ETIMEDOUT;
    atomic_fetch_sub(&event->sleepers, 1);
    return atomic_load(&event->epoch) != epoch;
}

void event_wait(struct event *event)
{
    unsigned epoch = atomic_load(&event->epoch);
    while ((epoch & 1) == 0 && !sleep_through(event, epoch, NULL))
        ;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);

    unsigned epoch = atomic_load(&event->epoch);
    if (epoch & 1)
        return true;
    if (milliseconds == 0)
        return false;
    unsigned long long ns = 1000000ULL * milliseconds + (unsigned long long)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000ULL);
    until.tv_nsec = (long)(ns % 1000000000ULL);
    return sleep_through(event, epoch, &until);
}

struct event_tasks {
    pthread_rwlock_t gate; /* held for writing until the group is complete or given up */
    bool given_up;
    struct event *event;
    event_task *run;
    void *arg;
    size_t n;
    struct slot {
        struct event_tasks *tasks;
        size_t index;
        pthread_t thread;
    } slots[];
};

static void *slot_thread(void *p)
{
    const struct slot *slot = p;
    struct event_tasks *tasks = slot->tasks;

    /* EAGAIN: too many readers at this moment; cannot happen with 64, but costs nothing to be safe */
    while (pthread_rwlock_rdlock(&tasks->gate) != 0)
        ;
    bool given_up = tasks->given_up;
    pthread_rwlock_unlock(&tasks->gate);
    if (given_up)
        return NULL;
    event_wait(tasks->event);
    tasks->run(tasks->arg, slot->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks + n * sizeof tasks->slots[0]);
    if (tasks == NULL)
        return NULL;
    if (pthread_rwlock_init(&tasks->gate, NULL) != 0) {
        free(tasks);
        return NULL;
    }
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    pthread_rwlock_wrlock(&tasks->gate);
    while (tasks->n < n) {
        struct slot *slot = &tasks->slots[tasks->n];
        slot->tasks = tasks;
        slot->index = tasks->n;
        if (pthread_create(&slot->thread, NULL, slot_thread, slot) != 0) {
            tasks->given_up = true;
            break;
        }
        tasks->n++;
    }
    bool given_up = tasks->given_up;
    pthread_rwlock_unlock(&tasks->gate);
    if (given_up) {
        event_tasks_join(tasks);
        return NULL;
    }
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->slots[i].thread, NULL);
    pthread_rwlock_destroy(&tasks->gate);
    free(tasks);
}
