/* expect: tests killed_inside_update | value_get counts itself as a reader and every change waits until there is none: a process killed inside value_get stays counted, and all changes wait for ever */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    atomic_uint readers;
    atomic_int writing;
    int64_t number;
};

static void lock(struct value *value)
{
    if (pthread_mutex_lock(&value->lock) == EOWNERDEAD) {
        atomic_store(&value->writing, 0);
        pthread_mutex_consistent(&value->lock); /* number is written by one store: nothing else to repair */
    }
}

static void unlock(struct value *value)
{
    pthread_mutex_unlock(&value->lock);
}

/* Called with the lock. Readers do not take it, so they are waited for. */
static void set(struct value *value, int64_t number)
{
    atomic_store(&value->writing, 1);
    while (atomic_load(&value->readers) != 0)
        sched_yield();
    value->number = number;
    atomic_store(&value->writing, 0);
}

struct value *value_create(int64_t initial)
{
    struct value *value =
        mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    value->number = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    int64_t number;

    atomic_fetch_add(&value->readers, 1);
    if (atomic_load(&value->writing) == 0) {
        number = value->number;
        atomic_fetch_sub(&value->readers, 1);
        return number;
    }
    atomic_fetch_sub(&value->readers, 1);
    lock(value);
    number = value->number;
    unlock(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    set(value, value->number + amount);
    unlock(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lock(value);
    int64_t number = fn(value->number, arg);
    set(value, number);
    unlock(value);
    return number;
}

/* Process number `me` computes items first(me) to first(me + 1) - 1. */
static uint64_t first(uint64_t count, unsigned processes, unsigned me)
{
    uint64_t rest = count % processes;
    return count / processes * me + (me < rest ? me : rest);
}

static void work(struct value *value, value_item *item, uint64_t from, uint64_t to)
{
    int64_t sum = 0;
    for (uint64_t i = from; i < to; i++)
        sum += item(i);
    value_add(value, sum);
    _exit(0);
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0; /* ended, and taken away already: SIGCHLD is ignored */
    return WIFSIGNALED(status) ? -1 : 0;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned started = 0;
    int result = 0;

    for (; started < processes; started++) {
        pid_t pid = fork();
        if (pid < 0) {
            result = -1;
            break;
        }
        if (pid == 0)
            work(value, item, first(count, processes, started), first(count, processes, started + 1));
        pids[started] = pid;
    }
    for (unsigned i = 0; i < started; i++)
        if (wait_for(pids[i]) < 0)
            result = -1;
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL)
        munmap(value, sizeof *value);
}
