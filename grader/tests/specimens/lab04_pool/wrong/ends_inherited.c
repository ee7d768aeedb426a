/* expect: tests unused_pool_closes; schedules lost-wake-up | workers keep the ends of the other workers' pipes, so no input ever ends */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAXW 64

struct pool {
    unsigned nw;
    pid_t pids[MAXW];
    int wfd[MAXW]; /* parent -> child */
    int rfd[MAXW]; /* child -> parent */
    size_t cur[MAXW];
    int busy[MAXW];
};

struct task {
    pool_fn *fn;
    int64_t in;
};

static void child_loop(int rd, int wr)
{
    struct task t;
    int64_t out;
    ssize_t n;
    for (;;) {
        n = read(rd, &t, sizeof(t));
        if (n == -1 && errno == EINTR)
            continue;
        if (n == 0)
            break; /* EOF: parent closed the pipe */
        out = t.fn(t.in);
        if (write(wr, &out, sizeof(out)) == -1)
            break;
    }
    _exit(0);
}

static int spawn_child(struct pool *p, unsigned i)
{
    int a[2], b[2];
    if (pipe(a) == -1)
        return -1;
    if (pipe(b) == -1) {
        close(a[0]);
        close(a[1]);
        return -1;
    }
    p->pids[i] = fork();
    if (p->pids[i] == -1) {
        close(a[0]);
        close(a[1]);
        close(b[0]);
        close(b[1]);
        p->pids[i] = 0;
        return -1;
    }
    if (p->pids[i] == 0) {
        /* child: close the ends we don't need */
        close(a[1]);
        close(b[0]);
        child_loop(a[0], b[1]);
    }
    /* parent */
    close(a[0]);
    close(b[1]);
    p->wfd[i] = a[1];
    p->rfd[i] = b[0];
    p->busy[i] = 0;
    return 0;
}

static void reap_child(struct pool *p, unsigned i)
{
    if (p->pids[i] == 0)
        return;
    close(p->wfd[i]);
    close(p->rfd[i]);
    while (waitpid(p->pids[i], NULL, 0) == -1 && errno == EINTR)
        ;
    p->pids[i] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof(*p));
    unsigned i;
    if (p == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    p->nw = workers;
    for (i = 0; i < workers; i++)
        if (spawn_child(p, i) == -1) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, nfail = 0;
    struct pollfd pfd[MAXW];
    unsigned i;
    while (done < count) {
        for (i = 0; i < p->nw; i++) {
            while (!p->busy[i] && next < count) {
                struct task t;
                t.fn = fn;
                t.in = inputs[next];
                if (p->pids[i] == 0 && spawn_child(p, i) == -1)
                    break;
                if (write(p->wfd[i], &t, sizeof(t)) == sizeof(t)) {
                    p->cur[i] = next++;
                    p->busy[i] = 1;
                } else {
                    reap_child(p, i);
                }
            }
            pfd[i].fd = p->busy[i] ? p->rfd[i] : -1;
            pfd[i].events = POLLIN;
            pfd[i].revents = 0;
        }
        if (poll(pfd, p->nw, -1) == -1)
            continue;
        for (i = 0; i < p->nw; i++) {
            if (pfd[i].revents == 0)
                continue;
            p->busy[i] = 0;
            done++;
            if (read(pfd[i].fd, &outputs[p->cur[i]], sizeof(int64_t)) == sizeof(int64_t)) {
                failed[p->cur[i]] = false;
                continue;
            }
            failed[p->cur[i]] = true;
            nfail++;
            reap_child(p, i);
            spawn_child(p, i);
        }
    }
    return nfail;
}

void pool_close(struct pool *p)
{
    unsigned i;
    if (p == NULL)
        return;
    for (i = 0; i < p->nw; i++)
        reap_child(p, i);
    free(p);
}
