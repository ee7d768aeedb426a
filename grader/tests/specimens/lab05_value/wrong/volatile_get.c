/* expect: schedules data-race; races race | volatile in place of atomic: value_get reads while others write under the lock */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    volatile int64_t n; /* volatile: other processes change it, so never keep it in a register */
    pthread_mutex_t writers;
};

static void enter(struct value *v)
{
    if (pthread_mutex_lock(&v->writers) == EOWNERDEAD)
        pthread_mutex_consistent(&v->writers);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    if (pthread_mutexattr_init(&a) == 0) {
        pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&v->writers, &a);
        pthread_mutexattr_destroy(&a);
    }
    v->n = initial;
    return v;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->writers);
    munmap(v, sizeof *v);
}

/* A 64-bit load is one instruction; only writers need the mutex. */
int64_t value_get(struct value *v)
{
    return v->n;
}

void value_add(struct value *v, int64_t amount)
{
    enter(v);
    v->n = v->n + amount;
    pthread_mutex_unlock(&v->writers);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    enter(v);
    int64_t next = fn(v->n, arg);
    v->n = next;
    pthread_mutex_unlock(&v->writers);
    return next;
}

static pid_t start(struct value *v, value_item *item, uint64_t first, uint64_t end)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int64_t sum = 0;
    for (; first != end; first++)
        sum += item(first);
    value_add(v, sum);
    _exit(0);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int result = 0, how;
    for (unsigned p = 0; p < processes; p++)
        pids[p] = start(v, item, p * count / processes, (p + 1) * count / processes);
    for (unsigned p = 0; p < processes; p++) {
        if (pids[p] > 0) {
            while (waitpid(pids[p], &how, 0) == -1 && errno == EINTR)
                ;
            result |= how;
        } else {
            result = -1;
        }
    }
    return result == 0 ? 0 : -1;
}
