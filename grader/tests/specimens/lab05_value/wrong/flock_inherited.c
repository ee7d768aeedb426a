/* expect: tests lost; schedules data-race | flock on the inherited descriptor: all processes own the same lock */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sys/file.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int fd;
    int64_t *number;
    pthread_mutex_t among_threads;
};

static void set_lock(struct value *v, int type)
{
    while (flock(v->fd, type) == -1 && errno == EINTR)
        continue;
}

static void take(struct value *v)
{
    pthread_mutex_lock(&v->among_threads);
    set_lock(v, LOCK_EX);
}

static void drop(struct value *v)
{
    set_lock(v, LOCK_UN);
    pthread_mutex_unlock(&v->among_threads);
}

struct value *value_create(int64_t initial)
{
    struct value *v = malloc(sizeof *v);
    if (!v)
        return NULL;
    v->fd = memfd_create("value", MFD_CLOEXEC);
    if (v->fd < 0 || ftruncate(v->fd, sizeof(int64_t)) != 0)
        goto fail;
    v->number = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->number == MAP_FAILED)
        goto fail;
    pthread_mutex_init(&v->among_threads, NULL);
    *v->number = initial;
    return v;
fail:
    if (v->fd >= 0)
        close(v->fd);
    free(v);
    return NULL;
}

int64_t value_get(struct value *v)
{
    take(v);
    int64_t n = *v->number;
    drop(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    take(v);
    *v->number += amount;
    drop(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    take(v);
    int64_t n = *v->number = fn(*v->number, arg);
    drop(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned n;
    int bad = 0;
    for (n = 0; n < processes; n++) {
        pids[n] = fork();
        if (pids[n] == -1) {
            bad = 1;
            break;
        }
        if (pids[n] == 0) {
            int64_t sum = 0;
            for (uint64_t i = n; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(EXIT_SUCCESS);
        }
    }
    while (n-- > 0) {
        int st;
        while (waitpid(pids[n], &st, 0) == -1 && errno == EINTR)
            continue;
        if (!WIFEXITED(st))
            bad = 1;
    }
    return bad ? -1 : 0;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->among_threads);
    munmap(v->number, sizeof(int64_t));
    close(v->fd);
    free(v);
}
