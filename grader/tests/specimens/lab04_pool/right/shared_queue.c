/* expect: right | all workers read one common pipe, the caller watches them through pidfds */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Messages are shorter than PIPE_BUF, so they are written and read whole. */
struct task {
    pool_fn *fn;
    int64_t input;
    size_t index;
};

enum kind { TAKEN, DONE };

struct news {
    enum kind kind;
    unsigned worker;
    size_t index;
    int64_t result;
};

#define NOTHING ((size_t)-1)

struct pool {
    unsigned n;
    int tasks[2], news[2];
    pid_t *pid;
    int *pidfd;
    size_t *has; /* item a worker has taken, or NOTHING */
    struct pollfd *fds;
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

static void life(struct pool *p, unsigned me)
{
    struct task t;
    close(p->tasks[1]);
    close(p->news[0]);
    while (again(read, p->tasks[0], &t, sizeof t) == sizeof t) {
        struct news m = {TAKEN, me, t.index, 0};
        again(write_, p->news[1], &m, sizeof m);
        m.result = t.fn(t.input);
        m.kind = DONE;
        if (again(write_, p->news[1], &m, sizeof m) < 0)
            break;
    }
    _exit(0);
}

static bool spawn(struct pool *p, unsigned i)
{
    p->has[i] = NOTHING;
    p->pidfd[i] = -1;
    p->pid[i] = fork();
    if (p->pid[i] == 0)
        life(p, i);
    if (p->pid[i] < 0) {
        p->pid[i] = 0;
        return false;
    }
    p->pidfd[i] = (int)syscall(SYS_pidfd_open, p->pid[i], 0); /* -1 before Linux 5.3: see dead() */
    return true;
}

static void reap(struct pool *p, unsigned i)
{
    if (p->pid[i] > 0)
        while (waitpid(p->pid[i], NULL, 0) == -1 && errno == EINTR)
            continue;
    if (p->pidfd[i] >= 0)
        close(p->pidfd[i]);
    p->pid[i] = 0;
    p->pidfd[i] = -1;
}

/* Whether worker i has ended; leaves it to be waited for. */
static bool dead(struct pool *p, unsigned i)
{
    siginfo_t how = {0};
    if (p->pid[i] == 0)
        return true;
    if (p->pidfd[i] >= 0)
        return p->fds[i].revents != 0;
    return waitid(P_PID, (id_t)p->pid[i], &how, WEXITED | WNOHANG | WNOWAIT) == 0 && how.si_pid == p->pid[i];
}

static bool silent(struct pool *p)
{
    struct pollfd news = {.fd = p->news[0], .events = POLLIN};
    return poll(&news, 1, 0) == 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    p->pid = calloc(workers, sizeof *p->pid);
    p->pidfd = calloc(workers, sizeof *p->pidfd);
    p->has = calloc(workers, sizeof *p->has);
    p->fds = calloc(workers + 1, sizeof *p->fds);
    p->tasks[0] = p->tasks[1] = p->news[0] = p->news[1] = -1;
    bool ok = p->pid != NULL && p->pidfd != NULL && p->has != NULL && p->fds != NULL;
    if (!ok)
        p->n = 0; /* there is nobody in the tables */
    for (unsigned i = 0; i < p->n; i++)
        p->pidfd[i] = -1;
    ok = ok && pipe(p->tasks) == 0 && pipe(p->news) == 0;
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
    for (unsigned i = 0; i < p->n; i++)
        if (p->pid[i] == 0) /* no process was to be had when it was to be replaced */
            spawn(p, i);
    while (ended < count) {
        /* As many items on their way as workers: no free one finds the pipe empty, and it cannot fill up. */
        while (queued < p->n && next < count) {
            struct task t = {fn, inputs[next], next};
            again(write_, p->tasks[1], &t, sizeof t);
            next++;
            queued++;
        }
        p->fds[p->n] = (struct pollfd){.fd = p->news[0], .events = POLLIN};
        int patience = -1;
        for (unsigned i = 0; i < p->n; i++) {
            p->fds[i] = (struct pollfd){.fd = p->pidfd[i], .events = POLLIN};
            if (p->pidfd[i] < 0)
                patience = 10;
        }
        if (poll(p->fds, p->n + 1, patience) < 0)
            continue;
        /* Words first, deaths second: a worker that spoke before it died must be heard. */
        if (p->fds[p->n].revents & POLLIN) {
            struct news m;
            again(read, p->news[0], &m, sizeof m);
            if (m.kind == TAKEN) {
                p->has[m.worker] = m.index;
            } else {
                p->has[m.worker] = NOTHING;
                outputs[m.index] = m.result;
                queued--;
                ended++;
            }
            continue;
        }
        for (unsigned i = 0; i < p->n; i++) {
            if (!dead(p, i) || !silent(p))
                continue;
            if (p->has[i] != NOTHING) {
                failed[p->has[i]] = true;
                failures++;
                ended++;
                queued--;
            }
            reap(p, i);
            spawn(p, i);
        }
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
    free(p->pidfd);
    free(p->has);
    free(p->fds);
    free(p);
}
