/* expect: tests signals_change_nothing | waitpid is called with WUNTRACED and a process that is only stopped is taken for one that has ended */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t number;
};

static void lock(struct value *value)
{
    if (pthread_mutex_lock(&value->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&value->lock); /* number is written by one store: nothing to repair */
}

static void unlock(struct value *value)
{
    pthread_mutex_unlock(&value->lock);
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
    lock(value);
    int64_t number = value->number;
    unlock(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    value->number += amount;
    unlock(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lock(value);
    int64_t number = fn(value->number, arg);
    value->number = number;
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
    while (waitpid(pid, &status, WUNTRACED) < 0)
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
