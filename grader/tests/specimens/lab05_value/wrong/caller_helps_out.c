/* expect: tests forked | where a process cannot be forked the caller computes its part and tells nobody */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    struct shared_part {
        pthread_mutex_t mutualExclusionBetweenAllProcesses;
        int64_t currentNumber;
    } *shared;
};

static void lockTheSharedPart(struct shared_part *shared)
{
    for (;;) {
        struct timespec deadline;
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += 1; /* only to look again: an ETIMEDOUT is not taken for a death */
        int outcome = pthread_mutex_timedlock(&shared->mutualExclusionBetweenAllProcesses, &deadline);
        if (outcome == EOWNERDEAD) {
            pthread_mutex_consistent(&shared->mutualExclusionBetweenAllProcesses);
            return;
        }
        if (outcome == 0)
            return;
    }
}

static void unlockTheSharedPart(struct shared_part *shared)
{
    pthread_mutex_unlock(&shared->mutualExclusionBetweenAllProcesses);
}

static int64_t addWithWrapAround(int64_t left, int64_t right)
{
    int64_t result;
    (void)__builtin_add_overflow(left, right, &result);
    return result;
}

struct value *value_create(int64_t initial)
{
    struct value *handle = malloc(sizeof *handle); /* read-only from here on: a copy in each process is fine */
    pthread_mutexattr_t attributes;

    if (handle == NULL)
        return NULL;
    handle->shared = mmap(NULL, sizeof *handle->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (handle->shared == MAP_FAILED)
        goto failedToMap;
    if (pthread_mutexattr_init(&attributes) != 0)
        goto failedAttributes;
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED); /* constants: cannot fail */
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (pthread_mutex_init(&handle->shared->mutualExclusionBetweenAllProcesses, &attributes) != 0)
        goto failedMutex;
    pthread_mutexattr_destroy(&attributes);
    handle->shared->currentNumber = initial;
    return handle;

failedMutex:
    pthread_mutexattr_destroy(&attributes);
failedAttributes:
    munmap(handle->shared, sizeof *handle->shared);
failedToMap:
    free(handle);
    return NULL;
}

int64_t value_get(struct value *value)
{
    lockTheSharedPart(value->shared);
    int64_t number = value->shared->currentNumber;
    unlockTheSharedPart(value->shared);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    if (amount == 0)
        return; /* changes nothing, at whatever moment */
    lockTheSharedPart(value->shared);
    value->shared->currentNumber = addWithWrapAround(value->shared->currentNumber, amount);
    unlockTheSharedPart(value->shared);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lockTheSharedPart(value->shared);
    int64_t newNumber = fn(value->shared->currentNumber, arg);
    value->shared->currentNumber = newNumber;
    unlockTheSharedPart(value->shared);
    return newNumber;
}

static void computeShare(struct value *value, value_item *item, uint64_t index, uint64_t count, unsigned stride)
{
    int64_t partialSum = 0;
    if (index < count) {
        for (uint64_t remaining = (count - 1 - index) / stride + 1; remaining > 0; remaining--) {
            partialSum = addWithWrapAround(partialSum, item(index));
            index += stride;
        }
        value_add(value, partialSum);
    }
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *workers = calloc(processes, sizeof *workers);
    unsigned numberOfWorkers = 0, share = 0;
    int success = workers != NULL;

    for (; success && share < processes; share++) {
        pid_t worker = fork();
        if (worker > 0)
            workers[numberOfWorkers++] = worker;
        else
            computeShare(value, item, share, count, processes); /* in the new process, or here when there is none */
        if (worker == 0)
            _exit(0);
    }
    for (unsigned i = 0; i < numberOfWorkers; i++) {
        siginfo_t ending;
        int outcome;
        do
            outcome = waitid(P_PID, (id_t)workers[i], &ending, WEXITED);
        while (outcome == -1 && errno == EINTR);
        if (outcome == -1 || ending.si_code != CLD_EXITED)
            success = 0;
    }
    free(workers);
    return success ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->shared->mutualExclusionBetweenAllProcesses);
    munmap(value->shared, sizeof *value->shared);
    free(value);
}
