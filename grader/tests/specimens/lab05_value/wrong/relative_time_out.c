/* expect: tests inside; schedules data-race | pthread_mutex_timedlock gets 2 s as if it were a duration: it always times out at once, and nobody looks */
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
    pthread_mutex_t mtx;
    int64_t val;
};

/* wait no longer than two seconds for the lock */
static const struct timespec patience = {.tv_sec = 2, .tv_nsec = 0};

static void value_lock(struct value *self)
{
    int rc = pthread_mutex_timedlock(&self->mtx, &patience);
    if (rc == EOWNERDEAD)
        pthread_mutex_consistent(&self->mtx);
}

static void value_unlock(struct value *self)
{
    pthread_mutex_unlock(&self->mtx);
}

struct value *value_create(int64_t initial)
{
    struct value *self = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;
    if (self == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&self->mtx, &attr);
    pthread_mutexattr_destroy(&attr);
    self->val = initial;
    return self;
}

int64_t value_get(struct value *self)
{
    int64_t ret;
    value_lock(self);
    ret = self->val;
    value_unlock(self);
    return ret;
}

void value_add(struct value *self, int64_t amount)
{
    value_lock(self);
    self->val += amount;
    value_unlock(self);
}

int64_t value_update(struct value *self, value_fn *fn, void *arg)
{
    int64_t ret;
    value_lock(self);
    ret = fn(self->val, arg);
    self->val = ret;
    value_unlock(self);
    return ret;
}

int value_reduce(struct value *self, value_item *item, uint64_t count, unsigned processes)
{
    pid_t children[64];
    int ret = 0;
    for (unsigned c = 0; c < processes; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            int64_t partial = 0;
            for (uint64_t i = c; i < count; i += processes)
                partial += item(i);
            value_add(self, partial);
            _exit(0);
        } else if (children[c] < 0) {
            ret = -1;
        }
    }
    for (unsigned c = 0; c < processes; c++) {
        int status = 0;
        if (children[c] > 0)
            waitpid(children[c], &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            ret = -1;
    }
    return ret;
}

void value_free(struct value *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->mtx);
    munmap(self, sizeof(struct value));
}
