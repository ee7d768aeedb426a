/*
 * value.c: reference solution of lab05.
 *
 * Three things have to come together, and leaving out any one of them loses:
 *
 *   - The number and its lock lie in one anonymous MAP_SHARED mapping. After fork, memory from malloc is a copy
 *     for each process: each would count, and lock, for itself.
 *   - The mutex is PTHREAD_PROCESS_SHARED. Without that, waiters sleep in a queue of their own process, and an
 *     unlock in another process never wakes them.
 *   - The mutex is PTHREAD_MUTEX_ROBUST. When its holder dies the kernel hands it to the next one, who is told so
 *     by EOWNERDEAD and has to call pthread_mutex_consistent, or else nobody can ever lock it again.
 *
 * What EOWNERDEAD leaves open is whether the data are whole. Here they are: a change is one store of an aligned
 * number, made last. A holder that died before the store has changed nothing, so there is nothing to repair.
 */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t number; /* guarded by lock */
};

static bool init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return false;
    const bool done = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                      pthread_mutex_init(lock, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return done;
}

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    if (!init_lock(&value->lock)) {
        munmap(value, sizeof *value);
        return NULL;
    }
    value->number = initial;
    return value;
}

/* Any other error than EOWNERDEAD would mean that the lock is broken: going on without it would lose updates
 * silently, which is worse than ending. */
static void lock(struct value *value)
{
    const int error = pthread_mutex_lock(&value->lock);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&value->lock);
    else if (error != 0)
        abort();
}

static void unlock(struct value *value)
{
    pthread_mutex_unlock(&value->lock);
}

/* Reading takes the lock as well: otherwise it would be a data race with every writer. */
int64_t value_get(struct value *value)
{
    lock(value);
    const int64_t number = value->number;
    unlock(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    value->number += amount;
    unlock(value);
}

/* The lock is held while fn runs: that is the only way to call it just once. Nothing is stored before fn has
 * returned, so a death inside fn leaves the old number. */
int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lock(value);
    const int64_t number = fn(value->number, arg);
    value->number = number;
    unlock(value);
    return number;
}

/* Part `index` of `parts`: the sum is built in a local variable, and the lock taken once. _exit, not exit: exit
 * handlers and unwritten output copied by fork are the caller's. */
static _Noreturn void reduce_part(struct value *value, value_item *item, uint64_t count, unsigned index, unsigned parts)
{
    int64_t sum = 0;
    for (uint64_t i = index; i < count; i += parts)
        sum += item(i);
    value_add(value, sum);
    _exit(0);
}

static bool ended_well(pid_t pid)
{
    int status;
    pid_t waited;
    do
        waited = waitpid(pid, &status, 0);
    while (waited < 0 && errno == EINTR);
    return waited == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *pids = calloc(processes, sizeof *pids);
    unsigned started = 0;
    if (pids == NULL)
        return -1;
    while (started < processes) {
        pids[started] = fork();
        if (pids[started] == 0)
            reduce_part(value, item, count, started, processes);
        if (pids[started] < 0)
            break;
        started++;
    }
    bool well = started == processes;
    for (unsigned i = 0; i < started; i++)
        well &= ended_well(pids[i]);
    free(pids);
    return well ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->lock);
    munmap(value, sizeof *value);
}
