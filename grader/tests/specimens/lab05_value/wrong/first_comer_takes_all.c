/* expect: tests without | blocks of items go to whoever asks first, so a process that comes late finds none left */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex;
    int64_t total;
};

/* a job that all processes of one reduction work on */
struct job {
    uint64_t next, count;
    value_item *item;
};

enum { BLOCK = 2000 };

static void *shared_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int64_t set_to(int64_t old, void *to)
{
    (void)old;
    return *(int64_t *)to;
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    struct value *v = shared_memory(sizeof(struct value));
    if (v) {
        pthread_mutexattr_init(&a);
        pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
        pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&v->mutex, &a);
        pthread_mutexattr_destroy(&a);
        value_update(v, set_to, &initial);
    }
    return v;
}

static void enter(struct value *v)
{
    int rc = pthread_mutex_lock(&v->mutex);
    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(&v->mutex);
    if (rc)
        abort();
}

static void leave(struct value *v)
{
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_get(struct value *v)
{
    enter(v);
    int64_t total = v->total;
    leave(v);
    return total;
}

void value_add(struct value *v, int64_t amount)
{
    enter(v);
    v->total += amount;
    leave(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    enter(v);
    int64_t total = fn(v->total, arg);
    v->total = total;
    leave(v);
    return total;
}

/* The next block; false: all are given out. */
static bool next_block(struct job *job, uint64_t *from, uint64_t *to)
{
    *from = __atomic_fetch_add(&job->next, BLOCK, __ATOMIC_RELAXED);
    *to = job->count - *from < BLOCK ? job->count : *from + BLOCK;
    return *from < job->count;
}

static _Noreturn void worker(struct value *v, struct job *job)
{
    uint64_t from, to;
    int64_t sum = 0;
    while (next_block(job, &from, &to))
        while (from < to)
            sum += job->item(from++);
    value_add(v, sum);
    _exit(EXIT_SUCCESS);
}

static bool join(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct job *job = shared_memory(sizeof *job);
    pid_t *workers = malloc(sizeof(pid_t) * processes);
    bool good = job && workers;
    unsigned n = 0;
    if (good)
        *job = (struct job){.count = count, .item = item};
    while (good && n < processes) {
        workers[n] = fork();
        if (workers[n] == 0)
            worker(v, job);
        if (workers[n] == -1)
            good = false;
        else
            n++;
    }
    while (n > 0)
        good = join(workers[--n]) && good;
    if (job)
        munmap(job, sizeof *job);
    free(workers);
    return good ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v) {
        pthread_mutex_destroy(&v->mutex);
        munmap(v, sizeof(struct value));
    }
}
