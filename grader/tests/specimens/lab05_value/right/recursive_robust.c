/* expect: right | recursive robust mutex: get and add are written with the same nested helper as update */
#include "value.h"
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value { pthread_mutex_t m; int64_t x; };

static void in(struct value *v)
{
    if (pthread_mutex_lock(&v->m) == EOWNERDEAD)
        pthread_mutex_consistent(&v->m);
}

static void out(struct value *v)
{
    pthread_mutex_unlock(&v->m);
}

struct value *value_create(int64_t initial)
{
    struct value *v;
    pthread_mutexattr_t a;
    v = mmap(0, sizeof *v, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED) return 0;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->m, &a);
    pthread_mutexattr_destroy(&a);
    v->x = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    int64_t x;
    in(v); x = v->x; out(v);
    return x;
}

static void put(struct value *v, int64_t x)
{
    in(v); v->x = x; out(v);
}

void value_add(struct value *v, int64_t amount)
{
    in(v);
    put(v, value_get(v) + amount);
    out(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t x;
    in(v);
    x = fn(value_get(v), arg);
    put(v, x);
    out(v);
    return x;
}

/* waitpid, through signals that the caller handles */
static pid_t wait_for(pid_t pid, int *st)
{
    pid_t p;
    while ((p = waitpid(pid, st, 0)) < 0 && errno == EINTR) {}
    return p;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    unsigned p;
    int st, rc = 0;

    for (p = 0; p < processes; p++)
        if ((pid[p] = fork()) == 0) {
            uint64_t i;
            int64_t s = 0;
            for (i = p; i < count; i += processes)
                s += (*item)(i);
            value_add(v, s);
            _exit(0);
        }
    for (p = 0; p < processes; p++)
        if (pid[p] < 0 || wait_for(pid[p], &st) != pid[p] || st)
            rc = -1;
    return rc;
}

void value_free(struct value *v)
{
    if (!v) return;
    pthread_mutex_destroy(&v->m);
    munmap(v, sizeof *v);
}
