/* expect: tests killed; schedules assertion | update marks the number as being changed before it calls fn; after a death the mark is left */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "value.h"

#define BUSY (-1)

struct value {
    pthread_mutex_t m;
    int64_t number;
};

static void lock(struct value *v)
{
    if (pthread_mutex_lock(&v->m) == EOWNERDEAD)
        pthread_mutex_consistent(&v->m); /* nothing to mend: it is only one number */
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->m, &a);
    pthread_mutexattr_destroy(&a);
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    lock(v);
    int64_t n = v->number;
    pthread_mutex_unlock(&v->m);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->number += amount;
    pthread_mutex_unlock(&v->m);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t old = v->number;
    v->number = BUSY; /* easy to see in the debugger */
    int64_t new = fn(old, arg);
    v->number = new;
    pthread_mutex_unlock(&v->m);
    return new;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *pids = malloc(processes * sizeof *pids);
    int bad = 0;
    for (unsigned i = 0; i < processes; i++)
        if ((pids[i] = fork()) == 0) {
            int64_t sum = 0;
            for (uint64_t k = i; k < count; k += processes)
                sum += item(k);
            value_add(v, sum);
            _exit(0);
        }
    for (unsigned i = 0; i < processes; i++) {
        int st;
        bad |= pids[i] < 0 || waitpid(pids[i], &st, 0) < 0 || st != 0;
    }
    free(pids);
    return bad ? -1 : 0;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->m);
    munmap(v, sizeof *v);
}
