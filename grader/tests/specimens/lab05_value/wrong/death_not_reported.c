/* expect: tests killed; schedules assertion | value_reduce does not look at how its processes ended */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROCESSES 64

struct value { int64_t v; pthread_mutex_t m; };

static bool lock(struct value *p)
{
    switch (pthread_mutex_lock(&p->m)) {
    case 0: return true;
    case EOWNERDEAD: return pthread_mutex_consistent(&p->m) == 0;
    default: return false;
    }
}

struct value *value_create(int64_t start)
{
    pthread_mutexattr_t ma;
    struct value *p = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (pthread_mutexattr_init(&ma) || pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED) ||
        pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST) || pthread_mutex_init(&p->m, &ma)) {
        munmap(p, sizeof(struct value));
        return NULL;
    }
    pthread_mutexattr_destroy(&ma);
    p->v = start;
    return p;
}

int64_t value_update(struct value *p, value_fn *fn, void *arg)
{
    int64_t result = 0;
    if (lock(p)) {
        result = fn(p->v, arg);
        p->v = result;
        pthread_mutex_unlock(&p->m);
    }
    return result;
}

void value_add(struct value *p, int64_t x)
{
    if (lock(p)) {
        p->v += x;
        pthread_mutex_unlock(&p->m);
    }
}

int64_t value_get(struct value *p)
{
    int64_t v = 0;
    if (lock(p)) {
        v = p->v;
        pthread_mutex_unlock(&p->m);
    }
    return v;
}

int value_reduce(struct value *p, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[MAX_PROCESSES];
    unsigned running = 0;
    int rc = 0;
    for (unsigned k = 0; k < processes; ++k) {
        const pid_t pid = fork();
        if (pid < 0) { /* no process to be had */
            rc = -1;
            break;
        }
        if (pid > 0) {
            pids[running++] = pid;
            continue;
        }
        int64_t s = 0;
        for (uint64_t i = k; i < count; i += processes)
            s += item(i);
        value_add(p, s);
        _exit(0);
    }
    while (running > 0)
        waitpid(pids[--running], NULL, 0);
    return rc;
}

void value_free(struct value *p)
{
    if (!p) return;
    pthread_mutex_destroy(&p->m);
    munmap(p, sizeof(struct value));
}
