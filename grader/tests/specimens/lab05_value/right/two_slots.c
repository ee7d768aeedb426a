/* expect: right | two slots, and an index that is the commit; get and add are updates; recursive robust mutex */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The old number stays where it is until the index is changed: a death leaves the index, and with it the old number. */
struct value {
    int64_t slot[2];
    unsigned current;
    pthread_mutex_t owner;
};

static int64_t same(int64_t old, void *unused)
{
    (void)unused;
    return old;
}

static int64_t sum(int64_t old, void *amount)
{
    return (int64_t)((uint64_t)old + (uint64_t)*(const int64_t *)amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    if (pthread_mutex_lock(&v->owner) == EOWNERDEAD)
        pthread_mutex_consistent(&v->owner);
    const unsigned other = !v->current;
    const int64_t result = fn(v->slot[v->current], arg);
    v->slot[other] = result;
    v->current = other;
    pthread_mutex_unlock(&v->owner);
    return result;
}

int64_t value_get(struct value *v)
{
    return value_update(v, same, NULL);
}

void value_add(struct value *v, int64_t amount)
{
    value_update(v, sum, &amount);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v != MAP_FAILED) {
        pthread_mutexattr_t attr;
        if (pthread_mutexattr_init(&attr) == 0) {
            int ok = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0 && pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
                     && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 && pthread_mutex_init(&v->owner, &attr) == 0;
            pthread_mutexattr_destroy(&attr);
            if (ok) {
                v->slot[0] = initial;
                v->current = 0;
                return v;
            }
        }
        munmap(v, sizeof(struct value));
    }
    return NULL;
}

/* Recursive: forks one process for the first share, starts the rest, then waits for its own process on the way back. */
static int reduce_from(struct value *v, value_item *item, uint64_t first, uint64_t count, unsigned processes)
{
    if (processes == 0)
        return 0;
    uint64_t share = count / processes;
    pid_t pid = fork();
    if (pid == 0) {
        int64_t total = 0;
        for (uint64_t i = first; i < first + share; i++) {
            int64_t x = item(i);
            total = sum(total, &x);
        }
        if (share)
            value_update(v, sum, &total);
        _exit(0);
    }
    if (pid < 0)
        return -1; /* the levels above wait for what they started */
    int rest = reduce_from(v, item, first + share, count - share, processes - 1);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFSIGNALED(status) ? -1 : rest;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    return reduce_from(v, item, 0, count, processes);
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->owner);
    munmap(v, sizeof *v);
}
