/* expect: right | all answers come through one common pipe, in records; a pipe end that each worker holds tells its death */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct record {
    unsigned worker;
    int64_t number;
};

struct task {
    pool_fn *fn;
    int64_t number;
};

struct pool {
    unsigned n;
    int results[2];     /* [0] does not block; caller keeps [1] so that new workers can inherit it */
    int tasks[64];      /* write ends */
    int alive[64];      /* read ends; -1: no worker */
    pid_t pids[64];
    long at[64];        /* item, -1: none */
};

static int xfer(ssize_t (*op)(int, void *, size_t), int fd, void *what, size_t size)
{
    for (;;) {
        ssize_t k = op(fd, what, size);
        if (k >= 0 || errno != EINTR)
            return k == (ssize_t)size;
    }
}

static ssize_t write_op(int fd, void *what, size_t size)
{
    return write(fd, what, size);
}

static int open_worker(struct pool *p, unsigned i)
{
    int task[2], life[2];
    p->alive[i] = -1;
    p->at[i] = -1;
    if (pipe(task) != 0)
        return 0;
    if (pipe(life) != 0)
        goto no_life;
    p->pids[i] = fork();
    if (p->pids[i] < 0)
        goto no_fork;
    if (p->pids[i] == 0) {
        struct task t;
        for (unsigned k = 0; k < p->n; k++)
            if (k != i && p->alive[k] >= 0) {
                close(p->alive[k]);
                close(p->tasks[k]);
            }
        close(task[1]);
        close(life[0]);
        close(p->results[0]);
        while (xfer(read, task[0], &t, sizeof t)) {
            struct record r = {.worker = i, .number = t.fn(t.number)};
            if (!xfer(write_op, p->results[1], &r, sizeof r)) /* one write: shorter than PIPE_BUF */
                break;
        }
        _exit(0);
    }
    close(task[0]);
    close(life[1]);
    p->tasks[i] = task[1];
    p->alive[i] = life[0];
    return 1;
no_fork:
    close(life[0]);
    close(life[1]);
no_life:
    close(task[0]);
    close(task[1]);
    return 0;
}

static void shut_worker(struct pool *p, unsigned i)
{
    if (p->alive[i] < 0)
        return;
    close(p->tasks[i]);
    close(p->alive[i]);
    p->alive[i] = -1;
    while (waitpid(p->pids[i], NULL, 0) < 0 && errno == EINTR)
        continue;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    if (pipe(p->results) != 0) {
        free(p);
        return NULL;
    }
    fcntl(p->results[0], F_SETFL, O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    p->n = workers;
    for (unsigned i = 0; i < workers; i++)
        p->alive[i] = -1;
    for (unsigned i = 0; i < workers; i++)
        if (!open_worker(p, i)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, over = 0, lost = 0;
    struct pollfd fds[65];
    do {
        for (unsigned i = 0; i < p->n; i++)
            fds[i] = (struct pollfd){.fd = p->alive[i], .events = POLLIN};
        fds[p->n] = (struct pollfd){.fd = p->results[0], .events = POLLIN};
        /* while there is something to give away: only look */
        int idle = 0;
        for (unsigned i = 0; i < p->n; i++)
            idle |= p->at[i] < 0;
        if (poll(fds, p->n + 1, idle && next < count ? 0 : over < count ? -1 : 0) < 0)
            continue;
        /* answers before deaths: a worker may die right after its answer */
        struct record r;
        while (xfer(read, p->results[0], &r, sizeof r)) {
            outputs[p->at[r.worker]] = r.number;
            failed[p->at[r.worker]] = false;
            p->at[r.worker] = -1;
            over++;
        }
        for (unsigned i = 0; i < p->n; i++) {
            if (p->alive[i] >= 0 && fds[i].revents) {
                long item = p->at[i];
                shut_worker(p, i);
                if (item >= 0) {
                    failed[item] = true;
                    lost++;
                    over++;
                }
            }
            if (p->alive[i] < 0 && !open_worker(p, i))
                continue;
            if (p->at[i] < 0 && next < count) {
                struct task t = {fn, inputs[next]};
                if (xfer(write_op, p->tasks[i], &t, sizeof t))
                    p->at[i] = (long)next++;
            }
        }
    } while (over < count);
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++)
        shut_worker(p, i);
    close(p->results[0]);
    close(p->results[1]);
    free(p);
}
