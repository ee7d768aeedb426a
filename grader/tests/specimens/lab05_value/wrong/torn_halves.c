/* expect: tests half; schedules assertion | the number is kept in two atomic halves; value_get reads them one after the other */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex;
    _Atomic uint32_t hi, lo;
};

static int64_t compose(struct value *v)
{
    uint64_t hi = v->hi;
    uint64_t lo = v->lo;
    return (int64_t)(hi << 32 | lo);
}

static void store(struct value *v, int64_t n)
{
    v->hi = (uint32_t)((uint64_t)n >> 32);
    v->lo = (uint32_t)n;
}

static void enter(struct value *v)
{
    if (pthread_mutex_lock(&v->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&v->mutex);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->mutex, &a);
    pthread_mutexattr_destroy(&a);
    store(v, initial);
    return v;
}

/* Atomics need no lock for reading. */
int64_t value_get(struct value *v)
{
    return compose(v);
}

void value_add(struct value *v, int64_t amount)
{
    enter(v);
    store(v, compose(v) + amount);
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    enter(v);
    int64_t n = fn(compose(v), arg);
    store(v, n);
    pthread_mutex_unlock(&v->mutex);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int status, rc = 0;
    for (unsigned p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            int64_t sum = 0;
            for (uint64_t i = p; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++)
        if (pid[p] < 0 || waitpid(pid[p], &status, 0) < 0 || status != 0)
            rc = -1;
    return rc;
}

void value_free(struct value *v)
{
    if (v != NULL) {
        pthread_mutex_destroy(&v->mutex);
        munmap(v, sizeof *v);
    }
}
