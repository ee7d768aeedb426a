/* expect: right | robust mutex; the parts of a reduction come back through a pipe, the caller adds once */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    pthread_mutex_t mutex;
    int64_t current;
};

struct value {
    struct shared *shared; /* this struct itself is copied by fork, the pointer stays right */
};

static bool make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    int error = pthread_mutexattr_init(&attr);
    if (!error)
        error = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (!error)
        error = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (!error)
        error = pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return error == 0;
}

struct value *value_create(int64_t initial)
{
    struct value *value = malloc(sizeof *value);
    if (value == NULL)
        return NULL;
    value->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value->shared == MAP_FAILED || !make_mutex(&value->shared->mutex)) {
        free(value);
        return NULL;
    }
    value->shared->current = initial;
    return value;
}

static struct shared *acquire(struct value *value)
{
    struct shared *s = value->shared;
    switch (pthread_mutex_lock(&s->mutex)) {
    case 0:
        break;
    case EOWNERDEAD:
        pthread_mutex_consistent(&s->mutex);
        break;
    default:
        perror("value: lock");
        abort();
    }
    return s;
}

static void release(struct shared *s)
{
    pthread_mutex_unlock(&s->mutex);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    struct shared *s = acquire(value);
    int64_t fresh = fn(s->current, arg);
    s->current = fresh;
    release(s);
    return fresh;
}

static int64_t same(int64_t old, void *arg)
{
    (void)arg;
    return old;
}

static int64_t sum_of(int64_t old, void *arg)
{
    return old + *(int64_t *)arg;
}

int64_t value_get(struct value *value)
{
    return value_update(value, same, NULL);
}

void value_add(struct value *value, int64_t amount)
{
    value_update(value, sum_of, &amount);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    int ends[2], result = 0;
    unsigned parts = 0;
    int64_t total = 0, part;
    pid_t pids[64];
    if (pipe(ends) != 0)
        return -1;
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            part = 0;
            for (uint64_t i = p; i < count; i += processes)
                part += item(i);
            exit(write(ends[1], &part, sizeof part) == sizeof part ? 0 : 1);
        }
    }
    close(ends[1]);
    /* All parts fit into the pipe, so the processes end without a reader. */
    for (unsigned p = 0; p < processes; p++) {
        int status = -1;
        while (pids[p] > 0 && waitpid(pids[p], &status, 0) < 0 && errno == EINTR)
            ;
        if (status == 0)
            parts++;
        else
            result = -1;
    }
    /* As many as were written, and not up to the end of file: that comes only when nobody has the other end any more,
     * and a process that another thread has forked meanwhile may have it for long. */
    while (parts > 0) {
        ssize_t got = read(ends[0], &part, sizeof part);
        if (got == (ssize_t)sizeof part) {
            total += part;
            parts--;
        } else if (got != -1 || errno != EINTR)
            break;
    }
    close(ends[0]);
    value_add(value, total);
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->shared->mutex);
    munmap(value->shared, 4096);
    free(value);
}
