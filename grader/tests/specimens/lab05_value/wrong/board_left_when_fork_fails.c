/* expect: tests reduce_reports_a_failed_fork | where a fork fails value_reduce waits for the others and returns, but the mapping with the shares is left */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t number;
};

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    value->number = initial;
    return value;
}

static int64_t plus(int64_t old, void *arg)
{
    return old + *(int64_t *)arg;
}

static int64_t itself(int64_t old, void *arg)
{
    (void)arg;
    return old;
}

int64_t value_get(struct value *value)
{
    return value_update(value, itself, NULL);
}

void value_add(struct value *value, int64_t amount)
{
    value_update(value, plus, &amount);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    if (pthread_mutex_lock(&value->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&value->lock);
    const int64_t result = fn(value->number, arg);
    value->number = result;
    pthread_mutex_unlock(&value->lock);
    return result;
}

/* Blocks first..last-1 that nobody has begun, in one word so that it can be changed at once. */
struct share {
    _Alignas(64) _Atomic uint64_t range;
};

static uint64_t pack(uint64_t first, uint64_t last)
{
    return first << 32 | last;
}

static bool take_one(struct share *own, uint64_t *block)
{
    uint64_t range = atomic_load(&own->range);
    do {
        if (range >> 32 >= (range & UINT32_MAX))
            return false;
        *block = range >> 32;
    } while (!atomic_compare_exchange_weak(&own->range, &range, range + pack(1, 0)));
    return true;
}

/* The upper half of what another has left becomes the thief's. The last block stays: it may be the first that a process
 * which has not come to life yet will do. */
static bool steal(struct share *shares, unsigned thief, unsigned n)
{
    for (unsigned k = 1; k < n; k++) {
        struct share *victim = &shares[(thief + k) % n];
        uint64_t range = atomic_load(&victim->range);
        for (;;) {
            const uint64_t first = range >> 32, last = range & UINT32_MAX;
            if (first >= last || last - first == 1)
                break;
            const uint64_t middle = last - (last - first) / 2;
            if (atomic_compare_exchange_weak(&victim->range, &range, pack(first, middle))) {
                atomic_store(&shares[thief].range, pack(middle, last));
                return true;
            }
        }
    }
    return false;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    const uint64_t size = count / 4096 + 1, blocks = (count + size - 1) / size;
    struct share *shares = mmap(NULL, 64 * sizeof *shares, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[64];
    int result = 0;
    if (shares == MAP_FAILED)
        return -1;
    for (unsigned p = 0; p < processes; p++)
        atomic_init(&shares[p].range, pack(blocks * p / processes, blocks * (p + 1) / processes));
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] < 0) {
            while (p-- > 0)
                while (waitpid(pids[p], NULL, 0) < 0 && errno == EINTR)
                    continue;
            return -1;
        }
        if (pids[p] != 0)
            continue;
        int64_t sum = 0;
        uint64_t block;
        do
            while (take_one(&shares[p], &block))
                for (uint64_t i = block * size; i < count && i < (block + 1) * size; i++)
                    sum += item(i);
        while (steal(shares, p, processes));
        value_add(value, sum);
        _exit(0);
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = -1;
        while (pids[p] > 0 && waitpid(pids[p], &status, 0) < 0 && errno == EINTR)
            continue;
        if (status != 0)
            result = -1;
    }
    munmap(shares, 64 * sizeof *shares);
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->lock);
    munmap(value, sizeof *value);
}
