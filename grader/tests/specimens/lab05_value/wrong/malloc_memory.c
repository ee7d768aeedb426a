/* expect: tests share; schedules assertion | everything is in malloc memory */
#include "value.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* First lab, again, only with fork instead of pthread_create. */
struct value {
    pthread_mutex_t lock;
    int64_t number;
};

struct value *value_create(int64_t initial)
{
    struct value *value = malloc(sizeof *value);
    if (value == NULL)
        return NULL;
    pthread_mutex_init(&value->lock, NULL);
    value->number = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    pthread_mutex_lock(&value->lock);
    int64_t number = value->number;
    pthread_mutex_unlock(&value->lock);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    pthread_mutex_lock(&value->lock);
    value->number += amount;
    pthread_mutex_unlock(&value->lock);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    pthread_mutex_lock(&value->lock);
    int64_t number = fn(value->number, arg);
    value->number = number;
    pthread_mutex_unlock(&value->lock);
    return number;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] < 0)
            return -1;
        if (pids[p] == 0) {
            for (uint64_t i = p; i < count; i += processes)
                value_add(value, item(i));
            _exit(0);
        }
    }
    int result = 0;
    for (unsigned p = 0; p < processes; p++) {
        int status;
        waitpid(pids[p], &status, 0);
        if (!WIFEXITED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value)
        pthread_mutex_destroy(&value->lock);
    free(value);
}
