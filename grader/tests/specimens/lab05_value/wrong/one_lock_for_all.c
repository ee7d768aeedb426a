/* expect: tests another; schedules deadlock | one lock for all values of the program */
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
    int64_t current;
};

/* In shared memory, made by the first value_create, never given back. */
static pthread_mutex_t *the_lock;

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
    if (the_lock == NULL) {
        the_lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        make_mutex(the_lock);
    }
    if (value->shared == MAP_FAILED) {
        free(value);
        return NULL;
    }
    value->shared->current = initial;
    return value;
}

static struct shared *acquire(struct value *value)
{
    struct shared *s = value->shared;
    switch (pthread_mutex_lock(the_lock)) {
    case 0:
        break;
    case EOWNERDEAD:
        pthread_mutex_consistent(the_lock);
        break;
    default:
        perror("value: lock");
        abort();
    }
    return s;
}

static void release(void)
{
    pthread_mutex_unlock(the_lock);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    struct shared *s = acquire(value);
    int64_t fresh = fn(s->current, arg);
    s->current = fresh;
    release();
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
    while (read(ends[0], &part, sizeof part) == sizeof part)
        total += part;
    close(ends[0]);
    for (unsigned p = 0; p < processes; p++) {
        int status = -1;
        if (pids[p] < 0 || waitpid(pids[p], &status, 0) != pids[p] || status != 0)
            result = -1;
    }
    value_add(value, total);
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    munmap(value->shared, 4096);
    free(value);
}
