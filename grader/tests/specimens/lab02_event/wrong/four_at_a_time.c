/* expect: speedup overlap | only four tasks may run at a time */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* One word for all: 1 when set. Waiters sleep on it in the kernel. */
struct event {
    _Atomic uint32_t word;
};

static long wait_on(struct event *e, const struct timespec *until)
{
    return syscall(SYS_futex, &e->word, FUTEX_WAIT_BITSET_PRIVATE, 0, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

struct event *event_create(void)
{
    return calloc(1, sizeof(struct event));
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    e->word = 1;
    syscall(SYS_futex, &e->word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void event_clear(struct event *e)
{
    e->word = 0;
}

bool event_is_set(struct event *e)
{
    return e->word;
}

void event_wait(struct event *e)
{
    while (!e->word)
        wait_on(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const uint64_t nsec = (uint64_t)until.tv_nsec + UINT64_C(1000000) * milliseconds;
    until.tv_sec += (time_t)(nsec / 1000000000);
    until.tv_nsec = (long)(nsec % 1000000000);
    while (!e->word)
        if (wait_on(e, &until) == -1 && errno == ETIMEDOUT)
            return e->word;
    return true;
}

/* More than four running threads do not make a machine with four cores faster. */
enum { CORES = 4 };

struct event_tasks {
    sem_t cores;
    struct event start;  /* set when it is decided whether the tasks run */
    bool run_them;
    struct event *event;
    event_task *run;
    void *arg;
    atomic_size_t numbers;
    size_t count;
    pthread_t threads[];
};

static void *work(void *argument)
{
    struct event_tasks *t = argument;
    event_wait(&t->start);
    if (!t->run_them)
        return NULL;
    const size_t number = atomic_fetch_add(&t->numbers, 1);
    event_wait(t->event);
    while (sem_wait(&t->cores) == -1 && errno == EINTR)
        continue;
    t->run(t->arg, number);
    sem_post(&t->cores);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t + n * sizeof(pthread_t));
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    sem_init(&t->cores, 0, CORES);
    while (t->count < n)
        if (pthread_create(&t->threads[t->count], NULL, work, t) == 0)
            t->count++;
        else
            break;
    t->run_them = t->count == n;
    event_set(&t->start);
    if (t->count < n) {
        event_tasks_join(t);
        return NULL;
    }
    return t;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++)
        pthread_join(t->threads[i], NULL);
    sem_destroy(&t->cores);
    free(t);
}
