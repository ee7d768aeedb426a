/* expect: right | named shared memory; a robust errorcheck mutex, taken by trylock with a growing pause */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    pthread_mutex_t guard;
    long long sum;
};

/* The name is only needed until the memory is mapped: forked processes inherit the mapping. */
static struct value *new_segment(void)
{
    static atomic_uint serial;
    char name[64];
    snprintf(name, sizeof(name), "/value-%ld-%u", (long)getpid(), serial++);
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, S_IRUSR | S_IWUSR);
    if (fd == -1)
        return NULL;
    shm_unlink(name);
    void *at = MAP_FAILED;
    if (ftruncate(fd, sizeof(struct value)) == 0)
        at = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

struct value *value_create(int64_t initial)
{
    struct value *v = new_segment();
    if (v == NULL)
        return NULL;

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    int err = pthread_mutex_init(&v->guard, &attr);
    pthread_mutexattr_destroy(&attr);
    if (err != 0) {
        munmap(v, sizeof(*v));
        return NULL;
    }
    v->sum = initial;
    return v;
}

static void seize(struct value *v)
{
    long pause = 1000; /* ns */
    for (;;) {
        int err = pthread_mutex_trylock(&v->guard);
        if (err == 0)
            return;
        if (err == EOWNERDEAD) {
            pthread_mutex_consistent(&v->guard);
            return;
        }
        struct timespec nap = {0, pause};
        nanosleep(&nap, NULL);
        if (pause < 500 * 1000)
            pause *= 2;
    }
}

int64_t value_get(struct value *v)
{
    seize(v);
    int64_t now = v->sum;
    pthread_mutex_unlock(&v->guard);
    return now;
}

void value_add(struct value *v, int64_t amount)
{
    seize(v);
    v->sum += amount;
    pthread_mutex_unlock(&v->guard);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t before, after;
    seize(v);
    before = v->sum;
    after = fn(before, arg);
    if (after != before)
        v->sum = after;
    pthread_mutex_unlock(&v->guard);
    return after;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *child = malloc(processes * sizeof(*child));
    int failed = 0;
    if (child == NULL)
        return -1;
    for (unsigned i = 0; i < processes; i++) {
        child[i] = fork();
        if (child[i] < 0)
            failed = 1;
        if (child[i] == 0) {
            int64_t mine = 0;
            for (uint64_t n = i; n < count; n += processes)
                mine += item(n);
            if (mine != 0)
                value_add(v, mine);
            _exit(EXIT_SUCCESS);
        }
    }
    for (unsigned i = 0; i < processes; i++) {
        siginfo_t info;
        if (child[i] < 0)
            continue;
        while (waitid(P_PID, (id_t)child[i], &info, WEXITED) == -1 && errno == EINTR)
            ;
        if (info.si_code != CLD_EXITED || info.si_status != EXIT_SUCCESS)
            failed = 1;
    }
    free(child);
    return -failed;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->guard);
    munmap(v, sizeof(*v));
}
