/* expect: right | add is atomic; an update, under a robust mutex that get takes as well, adds the difference that fn made */
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
    pthread_mutex_t updates; /* one fn at a time, and no look at the number meanwhile; additions do not need it */
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

static void begin(struct value *self)
{
    if (pthread_mutex_lock(&self->updates) == EOWNERDEAD)
        pthread_mutex_consistent(&self->updates);
}

/* Not during an update: the additions that came since it began count as made after it, so a number with them but
 * without it never was. */
int64_t value_get(struct value *self)
{
    begin(self);
    const int64_t now = atomic_load(&self->number);
    pthread_mutex_unlock(&self->updates);
    return now;
}

void value_add(struct value *self, int64_t amount)
{
    atomic_fetch_add(&self->number, amount);
}

/* An addition that came while fn was running counts as made after the update: the sum is the same. */
int64_t value_update(struct value *self, value_fn *fn, void *arg)
{
    begin(self);
    const int64_t old = atomic_load(&self->number);
    const int64_t new = fn(old, arg);
    atomic_fetch_add(&self->number, (int64_t)((uint64_t) new - (uint64_t)old));
    pthread_mutex_unlock(&self->updates);
    return new;
}

int value_reduce(struct value *self, value_item *item, uint64_t count, unsigned processes)
{
    enum { CHUNK = 1024 };
    int result = 0;
    pid_t *children = calloc(processes, sizeof(pid_t));
    _Atomic uint64_t *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (children == NULL || next == MAP_FAILED) {
        free(children);
        if (next != MAP_FAILED)
            munmap((void *)next, sizeof *next);
        return -1;
    }
    atomic_init(next, (uint64_t)processes * CHUNK);
    for (unsigned k = 0; k < processes; k++) {
        children[k] = fork();
        if (children[k] != 0)
            continue;
        int64_t sum = 0;
        /* A first chunk for each, so that who comes late has something to do, too; the others to whoever is ready. */
        for (uint64_t i = (uint64_t)k * CHUNK; i < count; i = atomic_fetch_add(next, CHUNK))
            for (uint64_t end = i + CHUNK < count ? i + CHUNK : count; i < end; i++)
                sum += item(i);
        atomic_fetch_add(&self->number, sum);
        _exit(0);
    }
    for (unsigned k = 0; k < processes; k++) {
        int status;
        pid_t waited = -1;
        if (children[k] > 0)
            do
                waited = waitpid(children[k], &status, 0);
            while (waited < 0 && errno == EINTR);
        if (waited < 0 || WIFSIGNALED(status))
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
