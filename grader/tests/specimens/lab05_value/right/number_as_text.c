/* expect: right | the number is kept as text: two lines of digits, and an index that says which of them counts; the sums of a reduction are exchanged as text in a shared page */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <inttypes.h>

struct value {
    pthread_mutex_t mutex;
    int which;
    char line[2][24];
};

static void lock(struct value *v)
{
    const int error = pthread_mutex_lock(&v->mutex);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&v->mutex);
    else if (error)
        abort();
}

static int make_mutex(pthread_mutex_t *m)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return -1;
    int error = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    error |= pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    error |= pthread_mutex_init(m, &a);
    pthread_mutexattr_destroy(&a);
    return error;
}

static int wait_for(pid_t pid)
{
    int st;
    while (waitpid(pid, &st, 0) == -1)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? 0 : -1;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, sizeof *v);
}

static int64_t number(const struct value *v)
{
    return strtoll(v->line[v->which], NULL, 10);
}

static void commit(struct value *v, int64_t n)
{
    snprintf(v->line[1 - v->which], sizeof v->line[0], "%" PRId64, n);
    v->which = 1 - v->which;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    if (make_mutex(&v->mutex) != 0) {
        munmap(v, sizeof *v);
        return NULL;
    }
    commit(v, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    lock(v);
    const int64_t n = number(v);
    pthread_mutex_unlock(&v->mutex);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    commit(v, number(v) + amount);
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    const int64_t n = fn(number(v), arg);
    commit(v, n);
    pthread_mutex_unlock(&v->mutex);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int result = 0;
    int64_t total = 0;
    char(*sheet)[64] = mmap(NULL, sizeof *sheet * processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sheet == MAP_FAILED)
        return -1;
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] == -1)
            result = -1;
        if (pids[p] != 0)
            continue;
        int64_t sum = 0;
        for (uint64_t i = count; i > 0; i--) /* from the end */
            if (i % processes == p) {
                for (; i > processes; i -= processes)
                    sum += item(i - 1);
                sum += item(i - 1);
                break;
            }
        snprintf(sheet[p], sizeof sheet[p], "sum %" PRId64 "\n", sum);
        _exit(EXIT_SUCCESS);
    }
    for (unsigned p = 0; p < processes; p++) {
        int64_t sum;
        if (pids[p] == -1)
            continue;
        if (wait_for(pids[p]) == 0 && sscanf(sheet[p], "sum %" SCNd64, &sum) == 1)
            total += sum;
        else
            result = -1;
    }
    munmap(sheet, sizeof *sheet * processes);
    value_add(v, total);
    return result;
}
