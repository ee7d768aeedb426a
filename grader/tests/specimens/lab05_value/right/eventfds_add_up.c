/* expect: right | two eventfds add up the sums of a reduction, one the positive, one the negative; a sum that does not fit any more goes to the value directly */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex;
    int64_t number;
};

static void lock(struct value *v)
{
    const int error = pthread_mutex_lock(&v->mutex);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&v->mutex);
    else if (error)
        abort();
}

static int make_mutex(pthread_mutex_t *m)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return -1;
    int error = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    error |= pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    error |= pthread_mutex_init(m, &a);
    pthread_mutexattr_destroy(&a);
    return error;
}

static int wait_for(pid_t pid)
{
    int st;
    while (waitpid(pid, &st, 0) == -1)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? 0 : -1;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, sizeof *v);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    if (make_mutex(&v->mutex) != 0) {
        munmap(v, sizeof *v);
        return NULL;
    }
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    lock(v);
    const int64_t n = v->number;
    pthread_mutex_unlock(&v->mutex);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->number += amount;
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    const int64_t n = fn(v->number, arg);
    v->number = n;
    pthread_mutex_unlock(&v->mutex);
    return n;
}

static void deliver(struct value *v, const int fds[2], int64_t sum)
{
    const uint64_t size = sum < 0 ? -(uint64_t)sum : (uint64_t)sum;
    ssize_t n;
    if (sum == 0)
        return;
    do
        n = write(fds[sum < 0], &size, sizeof size);
    while (n == -1 && errno == EINTR);
    if (n != (ssize_t)sizeof size)
        value_add(v, sum);
}

static uint64_t collected(int fd)
{
    uint64_t n = 0;
    while (read(fd, &n, sizeof n) == -1 && errno == EINTR)
        ;
    close(fd);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int result = 0;
    const int fds[2] = {eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (fds[0] == -1 || fds[1] == -1) {
        for (int k = 0; k < 2; k++)
            if (fds[k] != -1)
                close(fds[k]);
        return -1;
    }
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] != 0)
            continue;
        int64_t sum = 0;
        for (uint64_t i = p; i < count; i += processes)
            sum += item(i);
        deliver(v, fds, sum);
        _exit(0);
    }
    for (unsigned p = 0; p < processes; p++)
        if (pids[p] == -1 || wait_for(pids[p]) != 0)
            result = -1;
    const uint64_t plus = collected(fds[0]), minus = collected(fds[1]);
    value_add(v, (int64_t)(plus - minus));
    return result;
}
