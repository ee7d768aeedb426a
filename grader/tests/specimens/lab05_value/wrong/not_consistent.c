/* expect: tests still; schedules data-race | takes the lock of a dead holder without pthread_mutex_consistent */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value { pthread_mutex_t mutex; long long number; };

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attribute;
    int error;

    if (value == MAP_FAILED)
        return NULL;
    value->number = initial;
    error = pthread_mutexattr_init(&attribute);
    if (error == 0)
        error = pthread_mutexattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED);
    if (error == 0)
        error = pthread_mutexattr_setrobust(&attribute, PTHREAD_MUTEX_ROBUST);
    if (error == 0)
        error = pthread_mutex_init(&value->mutex, &attribute);
    if (error != 0) {
        fprintf(stderr, "value_create: %s\n", strerror(error));
        munmap(value, sizeof(struct value));
        return NULL;
    }
    return value;
}

static void lock(struct value *value)
{
    int error = pthread_mutex_lock(&value->mutex);
    if (error == EOWNERDEAD)
        return; /* the owner died, so it is ours now */
    if (error != 0)
        fprintf(stderr, "cannot lock: %s\n", strerror(error));
}

static void unlock(struct value *value)
{
    int error = pthread_mutex_unlock(&value->mutex);
    if (error != 0)
        fprintf(stderr, "cannot unlock: %s\n", strerror(error));
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lock(value);
    long long new = fn(value->number, arg);
    value->number = new;
    unlock(value);
    return new;
}

int64_t value_get(struct value *value)
{
    lock(value);
    long long number = value->number;
    unlock(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    value->number += amount;
    unlock(value);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int result = 0;

    for (unsigned i = 0; i < processes; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            perror("fork");
        if (pids[i] == 0) {
            long long sum = 0;
            for (uint64_t k = i; k < count; k += processes)
                sum += item(k);
            value_add(value, sum);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || WIFSIGNALED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL) {
        pthread_mutex_destroy(&value->mutex);
        munmap(value, sizeof(struct value));
    }
}
