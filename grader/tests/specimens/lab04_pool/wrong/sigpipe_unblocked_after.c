/* expect: tests killed_while_idle_costs_nothing | put_quietly() ends with SIG_UNBLOCK instead of the mask from before: a caller that had blocked SIGPIPE finds it unblocked after pool_map (also a pending one is delivered at once), and its next write to a broken pipe ends it */
#define _GNU_SOURCE
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    pool_fn *fn;
    int64_t x;
} job_t;

struct pool {
    unsigned n;
    pid_t pid[64];
    int job_w[64], res_r[64];
    size_t item[64];
    bool alive[64], busy[64], gave_up[64];
};

static ssize_t get(int fd, void *buf, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t n = read(fd, (char *)buf + have, len - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static ssize_t put(int fd, const void *buf, size_t len)
{
    ssize_t n;
    do
        n = write(fd, buf, len); /* less than PIPE_BUF: all or nothing */
    while (n < 0 && errno == EINTR);
    return n;
}

static void worker_main(int in, int out)
{
    job_t j;
    while (get(in, &j, sizeof j) > 0) {
        int64_t y = j.fn(j.x);
        if (put(out, &y, sizeof y) < 0)
            break;
    }
    _exit(EXIT_SUCCESS);
}

static int start_worker(struct pool *p, unsigned k)
{
    int job[2], res[2];
    if (pipe(job) == -1)
        return -1;
    if (pipe(res) == -1)
        goto no_res;
    pid_t pid = fork();
    if (pid == -1)
        goto no_fork;
    if (pid == 0) {
        for (unsigned i = 0; i < p->n; i++)
            if (p->alive[i]) {
                close(p->job_w[i]);
                close(p->res_r[i]);
            }
        close(job[1]);
        close(res[0]);
        worker_main(job[0], res[1]);
    }
    close(job[0]);
    close(res[1]);
    p->pid[k] = pid;
    p->job_w[k] = job[1];
    p->res_r[k] = res[0];
    p->alive[k] = true;
    p->busy[k] = false;
    return 0;
no_fork:
    close(res[0]);
    close(res[1]);
no_res:
    close(job[0]);
    close(job[1]);
    return -1;
}

static void end_worker(struct pool *p, unsigned k)
{
    close(p->job_w[k]);
    close(p->res_r[k]);
    while (waitpid(p->pid[k], NULL, 0) == -1 && errno == EINTR)
        ;
    p->alive[k] = p->busy[k] = false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    for (unsigned k = 0; k < workers; k++) {
        if (start_worker(p, k) == -1) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

/* Writes without the caller being ended by SIGPIPE, and without touching what it has asked for: the signal is blocked in
 * this thread meanwhile, and taken away if our write has made one. */
static ssize_t put_quietly(int fd, const void *buf, size_t len)
{
    sigset_t pipe_only, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool had_one = sigismember(&pending, SIGPIPE) == 1;

    pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    ssize_t n = put(fd, buf, len);
    if (n < 0 && errno == EPIPE && !had_one) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_only, NULL, &now) == -1 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL);
    return n;
}

static bool hand_out(struct pool *p, unsigned k, job_t j)
{
    for (;;) {
        if (!p->alive[k] && start_worker(p, k) == -1) {
            p->gave_up[k] = true;
            return false;
        }
        if (put_quietly(p->job_w[k], &j, sizeof j) == (ssize_t)sizeof j)
            return true;
        end_worker(p, k);
    }
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, bad = 0;
    struct pollfd pfd[64];

    for (unsigned k = 0; k < p->n; k++)
        p->gave_up[k] = false;
    while (done < count) {
        unsigned busy = 0;
        for (unsigned k = 0; k < p->n; k++) {
            if (!p->busy[k] && next < count && !p->gave_up[k] && hand_out(p, k, (job_t){fn, inputs[next]})) {
                p->busy[k] = true;
                p->item[k] = next++;
            }
            busy += p->busy[k];
            pfd[k].fd = p->busy[k] ? p->res_r[k] : -1;
            pfd[k].events = POLLIN;
            pfd[k].revents = 0;
        }
        if (busy == 0) {
            while (next < count) {
                failed[next++] = true;
                bad++;
            }
            break;
        }
        if (poll(pfd, p->n, -1) <= 0)
            continue;
        for (unsigned k = 0; k < p->n; k++) {
            if (pfd[k].revents == 0)
                continue;
            size_t i = p->item[k];
            int64_t y;
            done++;
            if (get(p->res_r[k], &y, sizeof y) > 0) {
                outputs[i] = y;
                failed[i] = false;
                p->busy[k] = false;
            } else {
                failed[i] = true;
                bad++;
                end_worker(p, k);
            }
        }
    }
    return bad;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; k < p->n; k++)
        if (p->alive[k])
            end_worker(p, k);
    free(p);
}
