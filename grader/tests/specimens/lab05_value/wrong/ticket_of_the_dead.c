/* expect: tests killed_inside_update; schedules killed_while_adding | who waits draws a ticket, for fairness; a process that is killed while it waits never uses its own, and all behind it wait for ever */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex; /* robust: who dies inside is noticed */
    atomic_uint next, serving;
    int64_t number;
};

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    v->number = initial;
    return v;
}

static void lock(struct value *v)
{
    unsigned mine = atomic_fetch_add(&v->next, 1);
    while (atomic_load(&v->serving) != mine) {
        struct timespec pause = { 0, 20000 };
        nanosleep(&pause, NULL);
    }
    if (pthread_mutex_lock(&v->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&v->mutex);
    atomic_fetch_add(&v->serving, 1); /* the next one may line up at the mutex */
}

static void unlock(struct value *v)
{
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_get(struct value *v)
{
    lock(v);
    int64_t n = v->number;
    unlock(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->number = (int64_t)((uint64_t)v->number + (uint64_t)amount);
    unlock(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t n = fn(v->number, arg);
    v->number = n;
    unlock(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned n = 0;
    int result = 0;
    for (; n < processes; n++) {
        pids[n] = fork();
        if (pids[n] < 0) {
            result = -1;
            break;
        }
        if (pids[n] == 0) {
            uint64_t sum = 0;
            for (uint64_t i = n; i < count; i += processes)
                sum += (uint64_t)item(i);
            value_add(v, (int64_t)sum);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        int status = 0;
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, sizeof *v);
}
