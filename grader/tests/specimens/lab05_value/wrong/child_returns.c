/* expect: tests came back; schedules assertion; races PASSED | a process of a reduction returns from value_reduce instead of calling _exit */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t m;
    int64_t n;
};

static void lock(struct value *v)
{
    if (pthread_mutex_lock(&v->m) == EOWNERDEAD)
        pthread_mutex_consistent(&v->m);
}

int64_t value_get(struct value *v)
{
    lock(v);
    int64_t n = v->n;
    pthread_mutex_unlock(&v->m);
    return n;
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t n = v->n = fn(v->n, arg);
    pthread_mutex_unlock(&v->m);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->n += amount;
    pthread_mutex_unlock(&v->m);
}

/* What each process does. */
static void compute(struct value *v, value_item *item, uint64_t count, unsigned number, unsigned processes)
{
    int64_t sum = 0;
    for (uint64_t i = number; i < count; i += processes)
        sum += item(i);
    value_add(v, sum);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t children[64];
    for (unsigned number = 0; number < processes; number++) {
        switch (children[number] = fork()) {
        case -1:
            return -1;
        case 0:
            compute(v, item, count, number, processes);
            return 0;
        default:
            break;
        }
    }
    int result = 0;
    for (unsigned number = 0; number < processes; number++) {
        int status;
        if (waitpid(children[number], &status, 0) == -1 || WIFSIGNALED(status))
            result = -1;
    }
    return result;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->m, &attr);
    pthread_mutexattr_destroy(&attr);
    v->n = initial;
    return v;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->m);
    munmap(v, sizeof *v);
}
