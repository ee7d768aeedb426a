/* expect: tests dead_worker; schedules lost-wake-up | waits for an answer from a worker that is dead */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Messages are shorter than PIPE_BUF, so they are written and read whole. */
struct task {
    pool_fn *fn;
    int64_t input;
    size_t index;
};

struct news {
    size_t index;
    int64_t result;
};

struct pool {
    unsigned n;
    int tasks[2], news[2];
    pid_t *pid;
};

static ssize_t again(ssize_t (*io)(int, void *, size_t), int fd, void *p, size_t n)
{
    ssize_t r;
    do {
        r = io(fd, p, n);
    } while (r == -1 && errno == EINTR);
    return r;
}

static ssize_t write_(int fd, void *p, size_t n)
{
    return write(fd, p, n);
}

static void life(struct pool *p)
{
    struct task t;
    close(p->tasks[1]);
    close(p->news[0]);
    while (again(read, p->tasks[0], &t, sizeof t) == sizeof t) {
        struct news m = {t.index, t.fn(t.input)};
        if (again(write_, p->news[1], &m, sizeof m) < 0)
            break;
    }
    _exit(0);
}

static bool spawn(struct pool *p, unsigned i)
{
    p->pid[i] = fork();
    if (p->pid[i] == 0)
        life(p);
    return p->pid[i] > 0;
}

static void reap(struct pool *p, unsigned i)
{
    if (p->pid[i] > 0)
        while (waitpid(p->pid[i], NULL, 0) == -1 && errno == EINTR)
            continue;
    p->pid[i] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    p->n = workers;
    p->pid = calloc(workers, sizeof *p->pid);
    p->tasks[0] = p->tasks[1] = p->news[0] = p->news[1] = -1;
    bool ok = pipe(p->tasks) == 0 && pipe(p->news) == 0;
    for (unsigned i = 0; ok && i < workers; i++)
        ok = spawn(p, i);
    if (ok)
        return p;
    pool_close(p);
    return NULL;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, failures = 0, queued = 0;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    while (ended < count) {
        /* As many items on their way as workers: no free one finds the pipe empty, and it cannot fill up. */
        while (queued < p->n && next < count) {
            struct task t = {fn, inputs[next], next};
            again(write_, p->tasks[1], &t, sizeof t);
            next++;
            queued++;
        }
        struct news m;
        if (again(read, p->news[0], &m, sizeof m) != sizeof m) { /* a worker died */
            failures++;
            ended++;
            continue;
        }
        outputs[m.index] = m.result;
        queued--;
        ended++;
    }
    return failures;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    if (p->tasks[1] >= 0)
        close(p->tasks[1]);
    for (unsigned i = 0; i < p->n; i++)
        reap(p, i);
    if (p->tasks[0] >= 0)
        close(p->tasks[0]);
    if (p->news[0] >= 0) {
        close(p->news[0]);
        close(p->news[1]);
    }
    free(p->pid);
    free(p);
}
