/* expect: tests inside; schedules assertion | lock-free update: fn is called again whenever somebody was faster */
#include "value.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    _Atomic int64_t number;
};

struct value *value_create(int64_t initial)
{
    struct value *self = mmap(NULL, sizeof *self, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (self == MAP_FAILED)
        return NULL;
    atomic_init(&self->number, initial);
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
    int64_t old = atomic_load(&self->number), new;
    do
        new = fn(old, arg);
    while (!atomic_compare_exchange_weak(&self->number, &old, new));
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
    munmap(self, sizeof *self);
}
