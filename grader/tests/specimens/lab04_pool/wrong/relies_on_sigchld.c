/* expect: tests dead_worker_costs_one_item | deaths are learnt from SIGCHLD alone, by a handler set in pool_create: a caller that sets its own later, or blocks the signal, waits for ever */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 64

struct job {
    pool_fn *fn;
    int64_t value;
};

struct reply {
    int64_t value;
    unsigned who;
};

struct pool {
    unsigned n;
    int replies[2];
    struct sigaction before;
    int to[N], keep[N];
    pid_t pid[N];
    bool busy[N];
    size_t item[N];
};

static int bell[2];

static void child_ended(int sig)
{
    int e = errno;
    (void)sig;
    if (write(bell[1], "", 1) < 0) { /* full: it rings already */
    }
    errno = e;
}

static bool rd(int fd, void *p, size_t n)
{
    ssize_t r;
    while ((r = read(fd, p, n)) < 0 && errno == EINTR)
        ;
    return r == (ssize_t)n;
}

static bool wr(int fd, const void *p, size_t n)
{
    ssize_t r;
    while ((r = write(fd, p, n)) < 0 && errno == EINTR)
        ;
    return r == (ssize_t)n;
}

static bool hire(struct pool *p, unsigned k)
{
    int e[2];
    p->pid[k] = 0;
    p->busy[k] = false;
    if (pipe(e) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        struct job j;
        signal(SIGCHLD, SIG_DFL);
        for (unsigned i = 0; i < p->n; i++)
            if (p->pid[i] > 0) {
                close(p->to[i]);
                close(p->keep[i]);
            }
        close(p->replies[0]);
        close(bell[0]);
        close(bell[1]);
        close(e[1]);
        while (rd(e[0], &j, sizeof j)) {
            struct reply r = {j.fn(j.value), k};
            if (!wr(p->replies[1], &r, sizeof r))
                break;
        }
        _exit(0);
    }
    if (pid < 0) {
        close(e[0]);
        close(e[1]);
        return false;
    }
    p->to[k] = e[1];
    p->keep[k] = e[0]; /* no SIGPIPE ever */
    p->pid[k] = pid;
    return true;
}

static void drop(struct pool *p, unsigned k)
{
    close(p->to[k]);
    close(p->keep[k]);
    p->pid[k] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (pipe2(bell, O_NONBLOCK | O_CLOEXEC) < 0) {
        free(p);
        return NULL;
    }
    if (pipe(p->replies) < 0) {
        close(bell[0]);
        close(bell[1]);
        free(p);
        return NULL;
    }
    struct sigaction sa = {.sa_handler = child_ended, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigaction(SIGCHLD, &sa, &p->before);
    p->n = workers;
    for (unsigned k = 0; k < workers; k++)
        if (!hire(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

/* Takes all answers that are there. */
static size_t take(struct pool *p, int64_t *outputs, bool *failed)
{
    size_t taken = 0;
    struct pollfd f = {.fd = p->replies[0], .events = POLLIN};
    while (poll(&f, 1, 0) == 1) {
        struct reply r;
        if (!rd(f.fd, &r, sizeof r))
            break;
        outputs[p->item[r.who]] = r.value;
        failed[p->item[r.who]] = false;
        p->busy[r.who] = false;
        taken++;
    }
    return taken;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, lost = 0;
    while (ended < count) {
        unsigned living = 0;
        for (unsigned k = 0; k < p->n; k++) {
            if (!p->busy[k] && p->pid[k] > 0 && next < count && waitpid(p->pid[k], NULL, WNOHANG) == p->pid[k])
                drop(p, k);
            if (p->pid[k] == 0 && !hire(p, k))
                continue;
            living++;
            if (p->busy[k] || next == count)
                continue;
            struct job j = {fn, inputs[next]};
            if (wr(p->to[k], &j, sizeof j)) {
                p->busy[k] = true;
                p->item[k] = next++;
            }
        }
        if (living == 0) {
            failed[next++] = true;
            lost++;
            ended++;
            continue;
        }
        struct pollfd f[2] = {{.fd = p->replies[0], .events = POLLIN}, {.fd = bell[0], .events = POLLIN}};
        if (poll(f, 2, -1) < 0)
            continue;
        char dust[64];
        bool rung = f[1].revents != 0;
        while (rung && read(bell[0], dust, sizeof dust) > 0)
            ;
        bool gone[N] = {false};
        for (unsigned k = 0; rung && k < p->n; k++)
            gone[k] = p->pid[k] > 0 && waitpid(p->pid[k], NULL, WNOHANG) == p->pid[k];
        ended += take(p, outputs, failed);
        for (unsigned k = 0; k < p->n; k++) {
            if (!gone[k])
                continue;
            drop(p, k);
            if (p->busy[k]) {
                p->busy[k] = false;
                failed[p->item[k]] = true;
                lost++;
                ended++;
            }
        }
    }
    for (unsigned k = 0; k < p->n; k++)
        if (p->pid[k] == 0)
            hire(p, k);
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned k = 0; k < p->n; k++)
        if (p->pid[k] > 0) {
            close(p->to[k]);
            close(p->keep[k]);
        }
    for (unsigned k = 0; k < p->n; k++)
        while (p->pid[k] > 0 && waitpid(p->pid[k], NULL, 0) < 0 && errno == EINTR)
            ;
    sigaction(SIGCHLD, &p->before, NULL);
    close(p->replies[0]);
    close(p->replies[1]);
    close(bell[0]);
    close(bell[1]);
    free(p);
}
