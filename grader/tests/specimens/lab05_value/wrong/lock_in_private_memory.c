/* expect: tests lost; schedules data-race | the number is shared, the mutex lies in malloc memory: a copy for each process */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is shared is in shared memory: the number. */
struct value
{
    pthread_mutex_t lock;
    int64_t *number;
};

static int64_t change(struct value *value, value_fn *fn, void *arg)
{
    int err = pthread_mutex_lock(&value->lock);
    if (err == EOWNERDEAD)
    {
        err = pthread_mutex_consistent(&value->lock);
    }
    if (err != 0)
    {
        abort();
    }
    *value->number = fn(*value->number, arg);
    int64_t now = *value->number;
    pthread_mutex_unlock(&value->lock);
    return now;
}

static int64_t keep(int64_t old, void *arg)
{
    (void)arg;
    return old;
}

static int64_t plus(int64_t old, void *arg)
{
    return old + *(int64_t *)arg;
}

struct value *value_create(int64_t initial)
{
    struct value *value = malloc(sizeof(struct value));
    pthread_mutexattr_t attr;
    if (value == NULL)
    {
        return NULL;
    }
    value->number = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value->number == MAP_FAILED)
    {
        free(value);
        return NULL;
    }
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    *value->number = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    return change(value, keep, NULL);
}

void value_add(struct value *value, int64_t amount)
{
    change(value, plus, &amount);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    return change(value, fn, arg);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int failures = 0;
    for (unsigned n = 0; n < processes; n++)
    {
        pids[n] = fork();
        if (pids[n] == 0)
        {
            int64_t sum = 0;
            for (uint64_t i = n; i < count; i += processes)
            {
                sum += item(i);
            }
            value_add(value, sum);
            _exit(EXIT_SUCCESS);
        }
    }
    for (unsigned n = 0; n < processes; n++)
    {
        int status;
        if (pids[n] < 0 || waitpid(pids[n], &status, 0) != pids[n] || !WIFEXITED(status))
        {
            failures++;
        }
    }
    return failures > 0 ? -1 : 0;
}

void value_free(struct value *value)
{
    if (value != NULL)
    {
        pthread_mutex_destroy(&value->lock);
        munmap(value->number, sizeof(int64_t));
        free(value);
    }
}
