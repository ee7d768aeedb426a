/* expect: tests as if the child | each process opens the file for its flock, but its children keep a copy of that descriptor, and with it the lock of the dead */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What a process has for itself. fork copies all of it, and nothing of it is any good in the child: flock sees parent and
 * child as one if they share an open file, and the mutex may be held by a thread that is not there. So whoever finds another
 * process's pid here makes a new one.
 */
struct entrance {
    pid_t pid;
    int fd;
    pthread_mutex_t threads;
};

struct value {
    char name[40];
    int64_t *shared;
    _Atomic(struct entrance *) entrance;
};

static struct entrance *open_entrance(const char *name, int flags)
{
    struct entrance *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->pid = getpid();
    e->fd = open(name, O_RDWR | O_CLOEXEC | flags, 0600);
    if (e->fd < 0) {
        free(e);
        return NULL;
    }
    pthread_mutex_init(&e->threads, NULL);
    return e;
}

static void close_entrance(struct entrance *e)
{
    close(e->fd);
    pthread_mutex_destroy(&e->threads);
    free(e);
}

static struct entrance *get_entrance(struct value *v)
{
    struct entrance *current = atomic_load(&v->entrance);
    if (current->pid != getpid()) {
        struct entrance *mine = open_entrance(v->name, 0);
        if (mine == NULL) {
            perror("value");
            abort();
        }
        if (atomic_compare_exchange_strong(&v->entrance, &current, mine))
            current = mine;
        else
            close_entrance(mine);
    }
    return current;
}

static struct entrance *go_in(struct value *v)
{
    struct entrance *e = get_entrance(v);
    pthread_mutex_lock(&e->threads);
    while (flock(e->fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    return e;
}

static void go_out(struct entrance *e)
{
    flock(e->fd, LOCK_UN);
    pthread_mutex_unlock(&e->threads);
}

struct value *value_create(int64_t initial)
{
    static atomic_uint number;
    struct value *v = malloc(sizeof *v);
    if (v == NULL)
        return NULL;
    snprintf(v->name, sizeof v->name, "/tmp/value.%d.%u", (int)getpid(), atomic_fetch_add(&number, 1));
    v->shared = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v->shared == MAP_FAILED) {
        free(v);
        return NULL;
    }
    struct entrance *e = open_entrance(v->name, O_CREAT | O_EXCL);
    if (e == NULL) {
        munmap(v->shared, sizeof(int64_t));
        free(v);
        return NULL;
    }
    atomic_init(&v->entrance, e);
    *v->shared = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    struct entrance *e = go_in(v);
    int64_t result = *v->shared;
    go_out(e);
    return result;
}

void value_add(struct value *v, int64_t amount)
{
    struct entrance *e = go_in(v);
    *v->shared += amount;
    go_out(e);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    struct entrance *e = go_in(v);
    int64_t result = fn(*v->shared, arg);
    *v->shared = result;
    go_out(e);
    return result;
}

static void sum_up(struct value *v, value_item *item, uint64_t begin, uint64_t end)
{
    int64_t sum = 0;
    for (uint64_t i = begin; i < end; i++)
        sum += item(i);
    if (sum != 0)
        value_add(v, sum);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64];
    uint64_t begin = 0;
    int error = 0;
    for (unsigned i = 0; i < processes; i++) {
        uint64_t end = begin + (count - begin) / (processes - i);
        child[i] = fork();
        if (child[i] == 0) {
            sum_up(v, item, begin, end);
            _exit(0);
        }
        begin = end;
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        if (child[i] < 0) {
            error = -1;
            continue;
        }
        while (waitpid(child[i], &status, 0) < 0 && errno == EINTR)
            ;
        if (status != 0)
            error = -1;
    }
    return error;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    unlink(v->name);
    close_entrance(atomic_load(&v->entrance));
    munmap(v->shared, sizeof(int64_t));
    free(v);
}
