/* expect: right | robust process-shared mutex, contiguous parts */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t n;
    pthread_mutex_t m;
};

static void enter(struct value *v)
{
    if (pthread_mutex_lock(&v->m) == EOWNERDEAD)
        pthread_mutex_consistent(&v->m);
}

static void leave(struct value *v)
{
    pthread_mutex_unlock(&v->m);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->m, &a);
    pthread_mutexattr_destroy(&a);
    v->n = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    enter(v);
    int64_t n = v->n;
    leave(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    enter(v);
    v->n += amount;
    leave(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    enter(v);
    int64_t n = fn(v->n, arg);
    v->n = n;
    leave(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int result = 0;
    uint64_t per = count / processes;
    for (unsigned p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            uint64_t first = p * per, last = p == processes - 1 ? count : first + per;
            int64_t sum = 0;
            while (first < last)
                sum += item(first++);
            value_add(v, sum);
            _exit(0);
        }
        if (pid[p] < 0)
            result = -1;
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = 0;
        if (pid[p] < 0)
            continue;
        while (waitpid(pid[p], &status, 0) < 0 && errno == EINTR)
            ; /* a signal for the caller: the process is still there */
        if (status != 0)
            result = -1;
    }
    return result;
}

void value_free(struct value *v)
{
    if (v != NULL) {
        pthread_mutex_destroy(&v->m);
        munmap(v, sizeof *v);
    }
}
