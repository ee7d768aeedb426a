/* expect: speedup several | every item is added to the shared value under the lock */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * value_update does all the work, the other functions call it.
 */
struct value
{
    int64_t data;
    pthread_mutex_t data_lock;
};

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t data;

    if (pthread_mutex_lock(&value->data_lock) == EOWNERDEAD)
        pthread_mutex_consistent(&value->data_lock);
    data = fn(value->data, arg);
    value->data = data;
    pthread_mutex_unlock(&value->data_lock);
    return data;
}

static int64_t add_amount(int64_t old, void *arg)
{
    return old + *(int64_t *)arg;
}

static int64_t leave_as_it_is(int64_t old, void *arg)
{
    (void)arg;
    return old;
}

void value_add(struct value *value, int64_t amount)
{
    value_update(value, add_amount, &amount);
}

int64_t value_get(struct value *value)
{
    return value_update(value, leave_as_it_is, NULL);
}

struct value *value_create(int64_t initial)
{
    struct value *value;
    pthread_mutexattr_t attr;

    value = mmap(NULL, sizeof(*value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->data_lock, &attr);
    pthread_mutexattr_destroy(&attr);
    value->data = initial;
    return value;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned process;
    int result = 0, status;
    uint64_t index;

    memset(pids, 0, sizeof(pids));
    for (process = 0; process < processes; process++)
    {
        pids[process] = fork();
        if (pids[process] == 0)
        {
            for (index = process; index < count; index += processes)
                value_add(value, item(index));
            _exit(0);
        }
        if (pids[process] < 0)
            result = -1;
    }
    for (process = 0; process < processes; process++)
    {
        if (pids[process] <= 0)
            continue;
        while (waitpid(pids[process], &status, 0) < 0)
        {
            if (errno != EINTR)
                return -1;
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->data_lock);
    munmap(value, sizeof(*value));
}
