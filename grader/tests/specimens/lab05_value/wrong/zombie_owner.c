/* expect: tests along; schedules livelock | asks kill(pid, 0) whether the owner lives, which is true of a zombie */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A spin lock that knows who has it: process in the upper half, thread in the lower. */
typedef _Atomic uint64_t owner_lock;

static bool is_gone(uint64_t owner)
{
    pid_t process = (pid_t)(owner >> 32);
    return kill(process, 0) == -1 && errno == ESRCH;
}

static void acquire(owner_lock *lock)
{
    const uint64_t me = (uint64_t)getpid() << 32 | (uint32_t)gettid();
    for (;;) {
        uint64_t owner = 0;
        if (atomic_compare_exchange_strong(lock, &owner, me))
            return;
        if (is_gone(owner) && atomic_compare_exchange_strong(lock, &owner, me))
            return; /* inherited from the dead */
        sched_yield();
    }
}

static void release(owner_lock *lock)
{
    atomic_store(lock, 0);
}

struct value {
    owner_lock lock;
    int64_t number;
};

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    value->number = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    acquire(&value->lock);
    int64_t number = value->number;
    release(&value->lock);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    acquire(&value->lock);
    value->number += amount;
    release(&value->lock);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    acquire(&value->lock);
    int64_t number = value->number = fn(value->number, arg);
    release(&value->lock);
    return number;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int status, result = 0;
    for (unsigned p = 0; p < processes; p++)
        if ((pids[p] = fork()) == 0) {
            int64_t sum = 0;
            for (uint64_t i = count / processes * p + (p < count % processes ? p : count % processes),
                          n = count / processes + (p < count % processes);
                 n > 0; n--)
                sum += item(i++);
            value_add(value, sum);
            _exit(0);
        }
    for (unsigned p = 0; p < processes; p++)
        if (pids[p] == -1 || waitpid(pids[p], &status, 0) == -1 || status)
            result = -1;
    return result;
}

void value_free(struct value *value)
{
    if (value)
        munmap(value, sizeof *value);
}
