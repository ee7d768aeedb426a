/* expect: tests zombies; schedules child-never-waited-for | the processes of a reduction are not waited for */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct value value;
struct value {
    pthread_mutex_t mtx;
    int64_t val;
};

static void get_lock(value *self)
{
    if (pthread_mutex_lock(&self->mtx) == EOWNERDEAD)
        pthread_mutex_consistent(&self->mtx);
}

value *value_create(int64_t initial)
{
    value *self = mmap(NULL, sizeof(value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (self == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&self->mtx, &attr);
    pthread_mutexattr_destroy(&attr);
    self->val = initial;
    return self;
}

int64_t value_get(value *self)
{
    get_lock(self);
    int64_t val = self->val;
    pthread_mutex_unlock(&self->mtx);
    return val;
}

void value_add(value *self, int64_t amount)
{
    get_lock(self);
    self->val += amount;
    pthread_mutex_unlock(&self->mtx);
}

int64_t value_update(value *self, value_fn *fn, void *arg)
{
    get_lock(self);
    self->val = fn(self->val, arg);
    int64_t val = self->val;
    pthread_mutex_unlock(&self->mtx);
    return val;
}

/* Each process sends its sum through a pipe. The pipe ends when all have ended; who has died has sent nothing. */
int value_reduce(value *self, value_item *item, uint64_t count, unsigned processes)
{
    int fd[2];
    unsigned sums = 0;
    int64_t sum = 0, total = 0;
    if (pipe(fd) != 0)
        return -1;
    for (unsigned n = 0; n < processes; n++)
        if (fork() == 0) {
            close(fd[0]);
            for (uint64_t i = n; i < count; i += processes)
                sum += item(i);
            _exit(write(fd[1], &sum, sizeof sum) == sizeof sum ? 0 : 1);
        }
    close(fd[1]);
    while (read(fd[0], &sum, sizeof sum) == sizeof sum) {
        total += sum;
        sums++;
    }
    close(fd[0]);
    value_add(self, total);
    return sums == processes ? 0 : -1;
}

void value_free(value *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->mtx);
    munmap(self, sizeof(value));
}
