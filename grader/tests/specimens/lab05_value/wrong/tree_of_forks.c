/* expect: tests still there | each process forks two others: those below one that is killed are waited for by nobody */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The old number stays where it is until the index is changed: a death leaves the index, and with it the old number. */
struct value {
    int64_t slot[2];
    unsigned current;
    pthread_mutex_t owner;
};

static int64_t same(int64_t old, void *unused)
{
    (void)unused;
    return old;
}

static int64_t sum(int64_t old, void *amount)
{
    return (int64_t)((uint64_t)old + (uint64_t)*(const int64_t *)amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    if (pthread_mutex_lock(&v->owner) == EOWNERDEAD)
        pthread_mutex_consistent(&v->owner);
    const unsigned other = !v->current;
    const int64_t result = fn(v->slot[v->current], arg);
    v->slot[other] = result;
    v->current = other;
    pthread_mutex_unlock(&v->owner);
    return result;
}

int64_t value_get(struct value *v)
{
    return value_update(v, same, NULL);
}

void value_add(struct value *v, int64_t amount)
{
    value_update(v, sum, &amount);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v != MAP_FAILED) {
        pthread_mutexattr_t attr;
        if (pthread_mutexattr_init(&attr) == 0) {
            int ok = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0 && pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
                     && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 && pthread_mutex_init(&v->owner, &attr) == 0;
            pthread_mutexattr_destroy(&attr);
            if (ok) {
                v->slot[0] = initial;
                v->current = 0;
                return v;
            }
        }
        munmap(v, sizeof(struct value));
    }
    return NULL;
}

/* Starts a tree of processes; each starts its two branches first and then works on its own share. */
static pid_t start_tree(struct value *v, value_item *item, uint64_t first, uint64_t count, unsigned processes);

static int wait_tree(pid_t pid)
{
    int status;
    if (pid == 0)
        return 0; /* empty branch */
    if (pid < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static pid_t start_tree(struct value *v, value_item *item, uint64_t first, uint64_t count, unsigned processes)
{
    if (processes == 0)
        return 0;
    uint64_t share = count / processes;
    pid_t pid = fork();
    if (pid == 0) {
        int64_t total = 0;
        unsigned left = (processes - 1) / 2, right = processes - 1 - left;
        uint64_t after = first + share, rest = count - share;
        uint64_t left_count = left ? rest / (left + right) * left : 0;
        pid_t l = start_tree(v, item, after, left_count, left);
        pid_t r = start_tree(v, item, after + left_count, right ? rest - left_count : 0, right);
        if (right == 0)
            share = count;
        for (uint64_t i = first; i < first + share; i++) {
            int64_t x = item(i);
            total = sum(total, &x);
        }
        if (share)
            value_update(v, sum, &total);
        int good = wait_tree(l) == 0;
        good &= wait_tree(r) == 0;
        _exit(good ? 0 : 1);
    }
    return pid;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    return wait_tree(start_tree(v, item, 0, count, processes));
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->owner);
    munmap(v, sizeof *v);
}
