/* expect: tests another; schedules deadlock | one lock for all values of the program */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t n;
};

/* The critical section of this module, like `critical` in OpenMP. Made once, by whoever comes first. */
static pthread_mutex_t *critical;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *share(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void make_critical(void)
{
    pthread_mutexattr_t a;
    critical = share(sizeof *critical);
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(critical, &a);
    pthread_mutexattr_destroy(&a);
}

static void enter(void)
{
    if (pthread_mutex_lock(critical) == EOWNERDEAD)
        pthread_mutex_consistent(critical);
}

static void leave(void)
{
    pthread_mutex_unlock(critical);
}

struct value *value_create(int64_t initial)
{
    pthread_once(&once, make_critical);
    struct value *value = share(sizeof *value);
    if (value)
        value->n = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    int64_t n;
    enter();
    n = value->n;
    leave();
    return n;
}

void value_add(struct value *value, int64_t amount)
{
    enter();
    value->n += amount;
    leave();
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t n;
    enter();
    n = fn(value->n, arg);
    value->n = n;
    leave();
    return n;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t ids[64];
    int ok = 1;
    for (unsigned k = 0; k < processes; k++) {
        ids[k] = fork();
        if (ids[k] == 0) {
            int64_t s = 0;
            for (uint64_t i = k; i < count; i += processes)
                s += item(i);
            value_add(value, s);
            _exit(0);
        }
        ok = ok && ids[k] > 0;
    }
    for (unsigned k = 0; k < processes; k++) {
        siginfo_t how;
        if (ids[k] > 0)
            ok = waitid(P_PID, (id_t)ids[k], &how, WEXITED) == 0 && how.si_code == CLD_EXITED && ok;
    }
    return ok ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value)
        munmap(value, sizeof *value);
}
