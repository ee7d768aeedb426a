/* expect: right | futex: set wakes two sleepers, and each that comes back wakes two more; a task gets its index through a mailbox of two semaphores */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>
#include <sys/syscall.h>

/* A word that opens for all: 0 is shut. */
static void wake_two(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0);
}

struct event {
    atomic_uint epoch; /* odd: set */
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event != NULL)
        atomic_init(&event->epoch, 0);
    return event;
}

void event_free(struct event *event)
{
    free(event);
}

/* Steps the epoch if it is odd or even as asked; says whether it did. */
static bool step(struct event *event, unsigned parity)
{
    unsigned now = atomic_load(&event->epoch);
    while (now % 2 == parity)
        if (atomic_compare_exchange_weak(&event->epoch, &now, now + 1))
            return true;
    return false;
}

void event_set(struct event *event)
{
    if (step(event, 0))
        wake_two(&event->epoch);
}

void event_clear(struct event *event)
{
    step(event, 1);
}

bool event_is_set(struct event *event)
{
    return atomic_load(&event->epoch) % 2 == 1;
}

/* Everyone who slept passes the wake-up on, also who gives up: it may have been given one that it did not need. */
static bool sleep_until(struct event *event, const struct timespec *end)
{
    const unsigned before = atomic_load(&event->epoch);
    if (before % 2 == 1)
        return true;
    bool late = false;
    while (!late && atomic_load(&event->epoch) == before)
        late = syscall(SYS_futex, &event->epoch, FUTEX_WAIT_BITSET_PRIVATE, before, end, NULL,
                       FUTEX_BITSET_MATCH_ANY) == -1 &&
               errno == ETIMEDOUT;
    if (atomic_load(&event->epoch) == before)
        return false;
    wake_two(&event->epoch);
    return true;
}

void event_wait(struct event *event)
{
    sleep_until(event, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const uint64_t ns = (uint64_t)end.tv_nsec + milliseconds * UINT64_C(1000000);
    end.tv_sec += (time_t)(ns / 1000000000);
    end.tv_nsec = (long)(ns % 1000000000);
    return sleep_until(event, &end);
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    sem_t filled, taken; /* the mailbox holds one index */
    size_t mailbox;
    sem_t verdict;
    bool run_them;
    size_t n;
    pthread_t threads[];
};

static void down(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void *task_thread(void *argument)
{
    struct event_tasks *tasks = argument;
    down(&tasks->filled);
    const size_t index = tasks->mailbox;
    sem_post(&tasks->taken);
    down(&tasks->verdict);
    const bool run_it = tasks->run_them;
    sem_post(&tasks->verdict);
    if (run_it) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks + n * sizeof tasks->threads[0]);
    if (tasks == NULL)
        return NULL;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    sem_init(&tasks->filled, 0, 0);
    sem_init(&tasks->taken, 0, 0);
    sem_init(&tasks->verdict, 0, 0);
    for (tasks->n = 0; tasks->n < n; tasks->n++) {
        if (pthread_create(&tasks->threads[tasks->n], NULL, task_thread, tasks) != 0)
            break;
        tasks->mailbox = tasks->n;
        sem_post(&tasks->filled);
        down(&tasks->taken);
    }
    const bool complete = tasks->n == n;
    tasks->run_them = complete;
    sem_post(&tasks->verdict);
    if (complete)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->threads[i], NULL);
    sem_destroy(&tasks->filled);
    sem_destroy(&tasks->taken);
    sem_destroy(&tasks->verdict);
    free(tasks);
}
