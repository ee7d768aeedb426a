/* expect: right | flock between processes, each with a descriptor that it opened itself; a mutex between threads */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* flock belongs to what open() made: a descriptor that came through fork is the same lock holder as its parent's. */
struct value {
    char path[32];
    int fd;
    pid_t opened_by;
    pthread_mutex_t mutex;
    int64_t *shared;
};

static void begin(struct value *v)
{
    pthread_mutex_lock(&v->mutex);
    if (v->opened_by != getpid()) {
        close(v->fd);
        v->fd = open(v->path, O_RDWR | O_CLOEXEC);
        if (v->fd < 0) {
            perror(v->path);
            abort();
        }
        v->opened_by = getpid();
    }
    while (flock(v->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            abort();
}

static void end(struct value *v)
{
    flock(v->fd, LOCK_UN);
    pthread_mutex_unlock(&v->mutex);
}

struct value *value_create(int64_t initial)
{
    struct value *v = calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    strcpy(v->path, "/tmp/value-XXXXXX");
    v->fd = mkstemp(v->path);
    if (v->fd < 0) {
        free(v);
        return NULL;
    }
    v->shared = mmap(NULL, sizeof *v->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v->shared == MAP_FAILED) {
        close(v->fd);
        unlink(v->path);
        free(v);
        return NULL;
    }
    pthread_mutex_init(&v->mutex, NULL);
    v->opened_by = getpid();
    *v->shared = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    begin(v);
    const int64_t n = *v->shared;
    end(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    begin(v);
    *v->shared += amount;
    end(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    begin(v);
    const int64_t n = fn(*v->shared, arg);
    *v->shared = n;
    end(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int bad = 0;
    for (unsigned p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            int64_t sum = 0;
            for (uint64_t i = p; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int status;
        if (pid[p] < 0) {
            bad = 1;
            continue;
        }
        while (waitpid(pid[p], &status, 0) < 0 && errno == EINTR)
            continue;
        bad |= !WIFEXITED(status);
    }
    return bad ? -1 : 0;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    munmap(v->shared, sizeof *v->shared);
    close(v->fd);
    unlink(v->path);
    pthread_mutex_destroy(&v->mutex);
    free(v);
}
