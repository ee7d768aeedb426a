/* expect: right | writers hold a robust mutex; the number is relaxed everywhere, and fences order it for value_get, which takes no lock */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 512u

struct value {
    pthread_mutex_t lock;
    atomic_int_least64_t number;
};

static bool make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr))
        return false;
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    bool made = pthread_mutex_init(lock, &attr) == 0;
    pthread_mutexattr_destroy(&attr);
    return made;
}

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    if (!make_lock(&value->lock)) {
        munmap(value, sizeof *value);
        return NULL;
    }
    atomic_init(&value->number, initial);
    return value;
}

static int64_t open_value(struct value *value)
{
    if (pthread_mutex_lock(&value->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&value->lock);
    return atomic_load_explicit(&value->number, memory_order_relaxed);
}

static void close_value(struct value *value, int64_t number)
{
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&value->number, number, memory_order_relaxed);
    pthread_mutex_unlock(&value->lock);
}

int64_t value_get(struct value *value)
{
    int64_t number = atomic_load_explicit(&value->number, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    int64_t old = open_value(value);
    close_value(value, (int64_t)((uint64_t)old + (uint64_t)amount));
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t fresh = fn(open_value(value), arg);
    close_value(value, fresh);
    return fresh;
}

/* Process number `me` does the blocks me, me + all, me + 2 all, ... */
static uint64_t sum_of_blocks(value_item *item, uint64_t count, uint64_t block, unsigned me, unsigned all)
{
    uint64_t sum = 0;
    for (uint64_t first = me * block; first < count; first += all * block) {
        uint64_t end = count - first < block ? count : first + block;
        for (uint64_t i = first; i < end; i++)
            sum += (uint64_t)item(i);
        if (end == count)
            break;
    }
    return sum;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned forked;
    uint64_t block = count / processes < BLOCK ? 1 : BLOCK;
    for (forked = 0; forked < processes; forked++) {
        pids[forked] = fork();
        if (pids[forked] < 0)
            break;
        if (pids[forked] == 0) {
            value_add(value, (int64_t)sum_of_blocks(item, count, block, forked, processes));
            _exit(0);
        }
    }
    bool whole = forked == processes;
    for (unsigned i = 0; i < forked; i++) {
        siginfo_t info;
        int r;
        while ((r = waitid(P_PID, (id_t)pids[i], &info, WEXITED)) != 0 && errno == EINTR)
            ;
        if (r != 0 || info.si_code != CLD_EXITED)
            whole = false;
    }
    return whole ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->lock);
    munmap(value, sizeof *value);
}
