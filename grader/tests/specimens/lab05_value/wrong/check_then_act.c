/* expect: tests lost; schedules assertion | reads and writes under the lock, but lets it go in between */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    pthread_mutex_t guard;
    int64_t current;
};

struct value {
    struct shared *memory;
};

/* The only two functions that touch the number. Both lock. */
static int64_t load(struct value *value)
{
    int64_t current;
    if (pthread_mutex_lock(&value->memory->guard) == EOWNERDEAD)
        pthread_mutex_consistent(&value->memory->guard);
    current = value->memory->current;
    pthread_mutex_unlock(&value->memory->guard);
    return current;
}

static int64_t store(struct value *value, int64_t new)
{
    if (pthread_mutex_lock(&value->memory->guard) == EOWNERDEAD)
        pthread_mutex_consistent(&value->memory->guard);
    value->memory->current = new;
    pthread_mutex_unlock(&value->memory->guard);
    return new;
}

struct value *value_create(int64_t initial)
{
    struct value *value = malloc(sizeof *value);
    pthread_mutexattr_t kind;
    if (value == NULL)
        return NULL;
    value->memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value->memory == MAP_FAILED) {
        free(value);
        return NULL;
    }
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->memory->guard, &kind);
    pthread_mutexattr_destroy(&kind);
    store(value, initial);
    return value;
}

int64_t value_get(struct value *value)
{
    return load(value);
}

void value_add(struct value *value, int64_t amount)
{
    store(value, load(value) + amount);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    return store(value, fn(load(value), arg));
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *children = malloc(processes * sizeof *children);
    int answer = 0;
    for (unsigned me = 0; me < processes; me++) {
        children[me] = fork();
        if (children[me] == 0) {
            int64_t part = 0;
            for (uint64_t i = count * me / processes; i < count * (me + 1) / processes; i++)
                part += item(i);
            value_add(value, part);
            _exit(0);
        }
    }
    for (unsigned me = 0; me < processes; me++) {
        int status = -1;
        if (children[me] > 0)
            waitpid(children[me], &status, 0);
        if (status != 0)
            answer = -1;
    }
    free(children);
    return answer;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->memory->guard);
    munmap(value->memory, sizeof(struct shared));
    free(value);
}
