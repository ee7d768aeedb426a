/* expect: tests killed; schedules assertion | EOWNERDEAD is taken for a failed lock: the change is skipped */
#include "value.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t data;
    pthread_mutex_t lock;
};

static int lock(struct value *v)
{
    int e = pthread_mutex_lock(&v->lock);
    if (e != 0) {
        fprintf(stderr, "pthread_mutex_lock: %s\n", strerror(e));
        pthread_mutex_consistent(&v->lock);
        pthread_mutex_unlock(&v->lock);
    }
    return e == 0;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t a;
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&v->lock, &a);
    pthread_mutexattr_destroy(&a);
    v->data = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    int64_t d = 0;
    if (lock(v)) {
        d = v->data;
        pthread_mutex_unlock(&v->lock);
    }
    return d;
}

void value_add(struct value *v, int64_t amount)
{
    if (lock(v)) {
        v->data += amount;
        pthread_mutex_unlock(&v->lock);
    }
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t d = 0;
    if (lock(v)) {
        d = v->data = fn(v->data, arg);
        pthread_mutex_unlock(&v->lock);
    }
    return d;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int status, result = 0;
    for (unsigned i = 0; i < processes; i++)
        if ((pids[i] = fork()) == 0) {
            int64_t sum = 0;
            for (uint64_t j = i; j < count; j += processes)
                sum += item(j);
            value_add(v, sum);
            _exit(0);
        }
    for (unsigned i = 0; i < processes; i++)
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0)
            result = -1;
    return result;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->lock);
    munmap(v, sizeof *v);
}
