/* expect: tests own; schedules assertion | value_reduce calls wait(NULL) as often as it has forked, and takes a child of the caller's */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t count;
    pthread_mutex_t mutex;
};

static void mutex_setup(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void mutex_take(pthread_mutex_t *mutex)
{
    int result = pthread_mutex_lock(mutex);
    if (result == EOWNERDEAD) {
        pthread_mutex_consistent(mutex);
    } else if (result != 0) {
        fprintf(stderr, "lock failed\n");
        exit(1);
    }
}

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED) {
        return NULL;
    }
    mutex_setup(&value->mutex);
    value->count = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    mutex_take(&value->mutex);
    int64_t result = value->count;
    pthread_mutex_unlock(&value->mutex);
    return result;
}

void value_add(struct value *value, int64_t amount)
{
    mutex_take(&value->mutex);
    value->count = value->count + amount;
    pthread_mutex_unlock(&value->mutex);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    mutex_take(&value->mutex);
    int64_t result = fn(value->count, arg);
    value->count = result;
    pthread_mutex_unlock(&value->mutex);
    return result;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    int result = 0;
    unsigned started = 0;
    for (unsigned i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            int64_t sum = 0;
            for (uint64_t k = i; k < count; k += processes) {
                sum += item(k);
            }
            value_add(value, sum);
            _exit(0);
        }
        if (pid < 0) {
            result = -1;
        } else {
            started++;
        }
    }
    while (started-- > 0) {
        int status;
        wait(&status);
        if (WIFSIGNALED(status)) {
            result = -1;
        }
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
