/* expect: tests woken; schedules misuse | a default mutex in shared memory: neither process-shared nor robust */
#include "value.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// The mutex is in shared memory, so every process sees the same mutex.
struct value {
    int64_t number;
    pthread_mutex_t mutex;
};

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    *value = (struct value){.number = initial, .mutex = PTHREAD_MUTEX_INITIALIZER};
    return value;
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t result;
    pthread_mutex_lock(&value->mutex);
    value->number = result = fn(value->number, arg);
    pthread_mutex_unlock(&value->mutex);
    return result;
}

int64_t value_get(struct value *value)
{
    int64_t result;
    pthread_mutex_lock(&value->mutex);
    result = value->number;
    pthread_mutex_unlock(&value->mutex);
    return result;
}

void value_add(struct value *value, int64_t amount)
{
    pthread_mutex_lock(&value->mutex);
    value->number += amount;
    pthread_mutex_unlock(&value->mutex);
}

// Each process returns its sum through a pipe of its own.
int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int ends[64][2], status, result = 0;
    for (unsigned p = 0; p < processes; p++) {
        if (pipe(ends[p]) == -1)
            return -1;
        pids[p] = fork();
        if (pids[p] == 0) {
            int64_t sum = 0;
            for (uint64_t i = p; i < count; i += processes)
                sum += item(i);
            _exit(write(ends[p][1], &sum, sizeof sum) != sizeof sum);
        }
        close(ends[p][1]);
    }
    for (unsigned p = 0; p < processes; p++) {
        int64_t sum = 0;
        if (pids[p] == -1 || read(ends[p][0], &sum, sizeof sum) != sizeof sum)
            result = -1;
        if (pids[p] > 0 && waitpid(pids[p], &status, 0) == pids[p] && status != 0)
            result = -1;
        close(ends[p][0]);
        value_add(value, sum);
    }
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL)
        munmap(value, sizeof *value);
}
