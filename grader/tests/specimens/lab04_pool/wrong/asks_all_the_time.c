/* expect: speedup divisors | the caller polls with time-out 0 in a loop while the workers work */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct reply {
    unsigned worker;
    int64_t number;
};

struct task {
    pool_fn *fn;
    int64_t number;
};

struct pool {
    unsigned n;
    int inbox[2];     /* [0] does not block; caller keeps [1] so that new workers can inherit it */
    int tasks[64];      /* write ends */
    int alive[64];      /* read ends; -1: no worker */
    pid_t pids[64];
    long at[64];        /* item, -1: none */
};

static int move(ssize_t (*op)(int, void *, size_t), int fd, void *what, size_t size)
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

static int add(struct pool *p, unsigned i)
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
        close(p->inbox[0]);
        while (move(read, task[0], &t, sizeof t)) {
            struct reply r = {.worker = i, .number = t.fn(t.number)};
            if (!move(write_op, p->inbox[1], &r, sizeof r)) /* one write: shorter than PIPE_BUF */
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

static void drop(struct pool *p, unsigned i)
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
    if (pipe(p->inbox) != 0) {
        free(p);
        return NULL;
    }
    fcntl(p->inbox[0], F_SETFL, O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    p->n = workers;
    for (unsigned i = 0; i < workers; i++)
        p->alive[i] = -1;
    for (unsigned i = 0; i < workers; i++)
        if (!add(p, i)) {
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
        fds[p->n] = (struct pollfd){.fd = p->inbox[0], .events = POLLIN};
        if (poll(fds, p->n + 1, 0) < 0)
            continue;
        /* answers before deaths: a worker may die right after its answer */
        struct reply r;
        while (move(read, p->inbox[0], &r, sizeof r)) {
            outputs[p->at[r.worker]] = r.number;
            failed[p->at[r.worker]] = false;
            p->at[r.worker] = -1;
            over++;
        }
        for (unsigned i = 0; i < p->n; i++) {
            if (p->alive[i] >= 0 && fds[i].revents) {
                long item = p->at[i];
                drop(p, i);
                if (item >= 0) {
                    failed[item] = true;
                    lost++;
                    over++;
                }
            }
            if (p->alive[i] < 0 && !add(p, i))
                continue;
            if (p->at[i] < 0 && next < count) {
                struct task t = {fn, inputs[next]};
                if (move(write_op, p->tasks[i], &t, sizeof t))
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
        drop(p, i);
    close(p->inbox[0]);
    close(p->inbox[1]);
    free(p);
}
