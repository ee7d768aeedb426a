/* expect: speedup several; speedup @sums[p] += | each process adds into a slot of its own, but all slots lie in the same cache line */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t total;
};

typedef _Atomic int64_t slot;

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attr;
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    v->total = initial;
    return v;
}

static void lock(struct value *v)
{
    int rc = pthread_mutex_lock(&v->lock);
    if (rc == EOWNERDEAD)
        pthread_mutex_consistent(&v->lock);
}

int64_t value_get(struct value *v)
{
    lock(v);
    int64_t t = v->total;
    pthread_mutex_unlock(&v->lock);
    return t;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->total += amount;
    pthread_mutex_unlock(&v->lock);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t t = fn(v->total, arg);
    v->total = t;
    pthread_mutex_unlock(&v->lock);
    return t;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int rc = 0;
    slot *sums = mmap(NULL, processes * sizeof(slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sums == MAP_FAILED)
        return -1;
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            for (uint64_t i = p; i < count; i += processes)
                sums[p] += item(i); /* nobody else writes here */
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = 1;
        while (pids[p] > 0 && waitpid(pids[p], &status, 0) < 0 && errno == EINTR)
            ;
        if (status != 0)
            rc = -1;
        else
            value_add(v, sums[p]);
    }
    munmap((void *)sums, processes * sizeof(slot));
    return rc;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->lock);
    munmap(v, sizeof *v);
}
