/* expect: tests items; schedules assertion | the items left over when they do not divide evenly belong to nobody */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t l;
    int64_t n;
};

#define ENTER(v)                                   \
    if (pthread_mutex_lock(&(v)->l) == EOWNERDEAD) \
    pthread_mutex_consistent(&(v)->l)
#define LEAVE(v) pthread_mutex_unlock(&(v)->l)

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, sizeof *v, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t a;
    if (v == MAP_FAILED)
        return 0;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->l, &a);
    pthread_mutexattr_destroy(&a);
    v->n = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    ENTER(v);
    int64_t n = v->n;
    LEAVE(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    ENTER(v);
    v->n += amount;
    LEAVE(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    ENTER(v);
    int64_t n = v->n = fn(v->n, arg);
    LEAVE(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    uint64_t each = count / processes;
    pid_t pid[64];
    int rc = 0, st;
    for (unsigned p = 0; p < processes; p++) {
        if ((pid[p] = fork()) == 0) {
            int64_t s = 0;
            for (uint64_t i = p * each; i < (p + 1) * each; i++)
                s += item(i);
            value_add(v, s);
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++)
        if (pid[p] < 0 || waitpid(pid[p], &st, 0) < 0 || st)
            rc = -1;
    return rc;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->l);
    munmap(v, sizeof *v);
}
