/* expect: tests mappings | value_free does not unmap */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The handle is on the heap, what processes share is behind the pointer. */
struct value {
    struct common {
        pthread_mutex_t lock;
        int64_t n;
    } *common;
    int memory;
};

static struct common *in(const struct value *v)
{
    if (pthread_mutex_lock(&v->common->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&v->common->lock);
    return v->common;
}

static void out(struct common *c)
{
    pthread_mutex_unlock(&c->lock);
}

static int prepare(struct common *c, int64_t initial)
{
    pthread_mutexattr_t robust;
    c->n = initial;
    if (pthread_mutexattr_init(&robust) != 0)
        return -1;
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    int error = pthread_mutex_init(&c->lock, &robust);
    pthread_mutexattr_destroy(&robust);
    return -(error != 0);
}

struct value *value_create(int64_t initial)
{
    struct value *v = malloc(sizeof *v);
    v->memory = memfd_create("lab05", 0);
    if (v->memory < 0 || ftruncate(v->memory, sizeof *v->common) < 0)
        return NULL;
    v->common = mmap(NULL, sizeof *v->common, PROT_READ | PROT_WRITE, MAP_SHARED, v->memory, 0);
    if (v->common == MAP_FAILED || prepare(v->common, initial) < 0)
        return NULL;
    return v;
}

int64_t value_get(struct value *v)
{
    struct common *c = in(v);
    int64_t n = c->n;
    out(c);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    struct common *c = in(v);
    c->n += amount;
    out(c);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    struct common *c = in(v);
    int64_t n = fn(c->n, arg);
    c->n = n;
    out(c);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    int lost = 0;
    pid_t *pid = calloc(processes, sizeof *pid);
    for (unsigned k = 0; k < processes; k++) {
        if ((pid[k] = fork()) != 0)
            continue;
        int64_t sum = 0;
        for (uint64_t i = k; i < count; i += processes)
            sum += item(i);
        value_add(v, sum);
        _exit(0);
    }
    for (unsigned k = 0; k < processes; k++) {
        int status;
        lost |= pid[k] < 0 || waitpid(pid[k], &status, 0) < 0 || status != 0;
    }
    free(pid);
    return -lost;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->common->lock);
    close(v->memory); /* with the file the memory goes */
    free(v);
}
