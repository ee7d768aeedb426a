/* expect: tests side; schedules lost-wake-up | each process of a reduction is waited for before the next is forked */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t busy;
    int64_t x;
};

static struct value *lock_value(struct value *value)
{
    if (pthread_mutex_lock(&value->busy) == EOWNERDEAD)
        pthread_mutex_consistent(&value->busy);
    return value;
}

static int64_t unlock_value(struct value *value, int64_t result)
{
    pthread_mutex_unlock(&value->busy);
    return result;
}

int64_t value_get(struct value *value)
{
    int64_t x = lock_value(value)->x;
    return unlock_value(value, x);
}

void value_add(struct value *value, int64_t amount)
{
    lock_value(value)->x += amount;
    unlock_value(value, 0);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t x = fn(lock_value(value)->x, arg);
    value->x = x;
    return unlock_value(value, x);
}

/* Runs a part of the reduction in a process of its own. */
static int run_part(struct value *value, value_item *item, uint64_t from, uint64_t to)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int64_t sum = 0;
        for (uint64_t i = from; i < to; i++)
            sum += item(i);
        value_add(value, sum);
        _exit(0);
    }
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    return status == 0 ? 0 : -1;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    int result = 0;
    uint64_t from = 0;
    for (unsigned left = processes; left > 0; left--) {
        uint64_t to = from + (count - from) / left;
        if (run_part(value, item, from, to) != 0)
            result = -1;
        from = to;
    }
    return result;
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->busy, &a);
    pthread_mutexattr_destroy(&a);
    value->x = initial;
    return value;
}

void value_free(struct value *value)
{
    if (value != NULL && pthread_mutex_destroy(&value->busy) == 0)
        munmap(value, sizeof *value);
}
