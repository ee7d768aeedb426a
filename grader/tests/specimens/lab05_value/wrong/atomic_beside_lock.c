/* expect: tests lost; schedules assertion | additions are atomic, but an update stores over those that came meanwhile */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    _Atomic int64_t number;
    pthread_mutex_t updates; /* one fn at a time; additions do not need it */
};

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attr;
    struct value *self = mmap(NULL, sizeof *self, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (self == MAP_FAILED)
        return NULL;
    atomic_init(&self->number, initial);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&self->updates, &attr);
    pthread_mutexattr_destroy(&attr);
    return self;
}

int64_t value_get(struct value *self)
{
    return atomic_load(&self->number);
}

void value_add(struct value *self, int64_t amount)
{
    atomic_fetch_add(&self->number, amount);
}

int64_t value_update(struct value *self, value_fn *fn, void *arg)
{
    if (pthread_mutex_lock(&self->updates) == EOWNERDEAD)
        pthread_mutex_consistent(&self->updates);
    const int64_t old = atomic_load(&self->number);
    const int64_t new = fn(old, arg);
    atomic_store(&self->number, new);
    pthread_mutex_unlock(&self->updates);
    return new;
}

int value_reduce(struct value *self, value_item *item, uint64_t count, unsigned processes)
{
    enum { CHUNK = 1024 };
    int result = 0;
    pid_t *children = calloc(processes, sizeof(pid_t));
    _Atomic uint64_t *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    for (unsigned k = 0; k < processes; k++) {
        children[k] = fork();
        if (children[k] != 0)
            continue;
        int64_t sum = 0;
        for (;;) { /* chunks, to whoever comes first */
            uint64_t i = atomic_fetch_add(next, CHUNK);
            if (i >= count)
                break;
            for (uint64_t end = i + CHUNK < count ? i + CHUNK : count; i < end; i++)
                sum += item(i);
        }
        atomic_fetch_add(&self->number, sum);
        _exit(0);
    }
    for (unsigned k = 0; k < processes; k++) {
        int status;
        if (children[k] < 0 || waitpid(children[k], &status, 0) < 0 || WIFSIGNALED(status))
            result = -1;
    }
    munmap((void *)next, sizeof *next);
    free(children);
    return result;
}

void value_free(struct value *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->updates);
    munmap(self, sizeof *self);
}
