/* expect: right | flock between processes, each with a descriptor that it opened itself; a mutex between threads; pthread_atfork renews both */
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

/* flock belongs to what open() made: a descriptor that came through fork is the same lock holder as its parent's, and
 * keeps the lock when the parent dies. A child therefore has to close it at once, even one that never uses the value. Its
 * copy of the mutex may have been locked by a thread that it does not have. */
struct value {
    char path[32];
    int fd; /* -1: not opened yet in this process */
    pthread_mutex_t mutex;
    int64_t *shared;
    struct value *next, **link; /* all values of this process */
};

static struct value *all;
static pthread_mutex_t all_mutex = PTHREAD_MUTEX_INITIALIZER; /* never held for long, so fork can wait for it */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&all_mutex);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&all_mutex);
}

static void in_child(void)
{
    for (struct value *v = all; v != NULL; v = v->next) {
        if (v->fd != -1)
            close(v->fd);
        v->fd = -1;
        pthread_mutex_init(&v->mutex, NULL);
    }
    pthread_mutex_unlock(&all_mutex);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
}

static void enter_in_list(struct value *v)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&all_mutex);
    v->next = all;
    v->link = &all;
    if (all != NULL)
        all->link = &v->next;
    all = v;
    pthread_mutex_unlock(&all_mutex);
}

static void take_from_list(struct value *v)
{
    pthread_mutex_lock(&all_mutex);
    *v->link = v->next;
    if (v->next != NULL)
        v->next->link = v->link;
    pthread_mutex_unlock(&all_mutex);
}

static void begin(struct value *v)
{
    pthread_mutex_lock(&v->mutex);
    if (v->fd == -1) {
        v->fd = open(v->path, O_RDWR | O_CLOEXEC);
        if (v->fd < 0) {
            perror(v->path);
            abort();
        }
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
    *v->shared = initial;
    enter_in_list(v);
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
    take_from_list(v);
    munmap(v->shared, sizeof *v->shared);
    close(v->fd);
    unlink(v->path);
    pthread_mutex_destroy(&v->mutex);
    free(v);
}
