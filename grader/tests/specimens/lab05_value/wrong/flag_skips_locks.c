/* expect: tests lost | a flag lets calls made inside fn pass without a lock, also those on another value */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t number;
};

static _Thread_local int inside_fn; /* fn may look at the value: it has the lock already */

static int64_t plus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static void enter(struct value *v)
{
    if (inside_fn)
        return;
    if (pthread_mutex_lock(&v->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&v->lock); /* number is one store: always whole */
}

static void leave(struct value *v)
{
    if (!inside_fn)
        pthread_mutex_unlock(&v->lock);
}

static bool configure(pthread_mutexattr_t *a)
{
    return pthread_mutexattr_setpshared(a, PTHREAD_PROCESS_SHARED) == 0 && pthread_mutexattr_setrobust(a, PTHREAD_MUTEX_ROBUST) == 0;
}

static bool make_lock(pthread_mutex_t *m)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return false;
    bool ok = configure(&a) && pthread_mutex_init(m, &a) == 0;
    pthread_mutexattr_destroy(&a);
    return ok;
}

static void *get_page(void)
{
    void *p = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void put_page(void *p) { munmap(p, sizeof(struct value)); }

struct value *value_create(int64_t initial)
{
    struct value *v = get_page();
    if (!v)
        return NULL;
    if (!make_lock(&v->lock)) {
        put_page(v);
        return NULL;
    }
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    enter(v);
    int64_t n = v->number;
    leave(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    enter(v);
    v->number = plus(v->number, amount);
    leave(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    enter(v);
    inside_fn++;
    int64_t fresh = fn(v->number, arg);
    inside_fn--;
    v->number = fresh;
    leave(v);
    return fresh;
}

static uint64_t part_start(uint64_t count, unsigned parts, unsigned k)
{
    uint64_t each = count / parts, rest = count % parts;
    return each * k + (k < rest ? k : rest);
}

static int64_t sum_of(value_item *item, uint64_t from, uint64_t to)
{
    int64_t s = 0;
    while (from < to)
        s = plus(s, item(from++));
    return s;
}

static pid_t start(struct value *v, value_item *item, uint64_t from, uint64_t to)
{
    pid_t p = fork();
    if (p != 0)
        return p;
    if (from < to)
        value_add(v, sum_of(item, from, to));
    _exit(0);
}

static bool ended_well(pid_t p)
{
    int status;
    while (waitpid(p, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return !WIFSIGNALED(status);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    unsigned n = 0;
    while (n < processes) {
        pid[n] = start(v, item, part_start(count, processes, n), part_start(count, processes, n + 1));
        if (pid[n] < 0)
            break;
        n++;
    }
    bool ok = n == processes;
    while (n > 0)
        if (!ended_well(pid[--n]))
            ok = false;
    return ok ? 0 : -1;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->lock);
    put_page(v);
}
