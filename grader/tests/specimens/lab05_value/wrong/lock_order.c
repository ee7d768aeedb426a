/* expect: tests hang; schedules deadlock | two locks: value_update takes them in one order, value_add and value_get in the other */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t turn;   /* held while fn runs: one update at a time */
    pthread_mutex_t number; /* guards n */
    int64_t n;
};

static void take(pthread_mutex_t *lock)
{
    const int error = pthread_mutex_lock(lock);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    else if (error != 0)
        abort();
}

static void give(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->turn, &attributes);
    pthread_mutex_init(&value->number, &attributes);
    pthread_mutexattr_destroy(&attributes);
    value->n = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    take(&value->number);
    take(&value->turn); /* not in the middle of an update */
    const int64_t n = value->n;
    give(&value->turn);
    give(&value->number);
    return n;
}

void value_add(struct value *value, int64_t amount)
{
    take(&value->number);
    take(&value->turn);
    value->n += amount;
    give(&value->turn);
    give(&value->number);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    take(&value->turn);
    const int64_t n = fn(value->n, arg);
    take(&value->number);
    value->n = n;
    give(&value->number);
    give(&value->turn);
    return n;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int result = 0;
    for (unsigned i = 0; i < processes; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int64_t sum = 0;
            for (uint64_t k = i; k < count; k += processes)
                sum += item(k);
            value_add(value, sum);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0)
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->number);
    pthread_mutex_destroy(&value->turn);
    munmap(value, sizeof *value);
}
