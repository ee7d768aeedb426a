/* expect: tests pool_is_whole_after_deaths | an item given to a place for which no process is to be had counts as failed at once, though other workers live */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pool_fn *f;
    int64_t x;
} task_t;

typedef struct {
    int sock; /* -1: no worker */
    pid_t pid;
    long item; /* -1: free */
} worker_t;

struct pool {
    unsigned n;
    worker_t w[64];
};

static ssize_t get(int s, void *p, size_t n)
{
    ssize_t r;
    do
        r = recv(s, p, n, MSG_WAITALL);
    while (r < 0 && errno == EINTR);
    return r;
}

static int put(int s, const void *p, size_t n)
{
    ssize_t r;
    do
        r = send(s, p, n, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r == (ssize_t)n;
}

static int start(struct pool *p, unsigned k)
{
    int sv[2];
    p->w[k].sock = -1;
    p->w[k].item = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        task_t t;
        for (unsigned j = 0; j < p->n; j++)
            if (p->w[j].sock >= 0)
                close(p->w[j].sock);
        close(sv[0]);
        while (get(sv[1], &t, sizeof t) == sizeof t) {
            int64_t r = t.f(t.x);
            if (!put(sv[1], &r, sizeof r))
                break;
        }
        _exit(EXIT_SUCCESS);
    }
    close(sv[1]);
    if (pid < 0) {
        close(sv[0]);
        return 0;
    }
    p->w[k].sock = sv[0];
    p->w[k].pid = pid;
    return 1;
}

static void stop(worker_t *w)
{
    if (w->sock < 0)
        return;
    close(w->sock);
    w->sock = -1;
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    p->n = workers;
    for (unsigned k = 0; k < workers; k++)
        p->w[k].sock = -1;
    for (unsigned k = 0; k < workers; k++)
        if (!start(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, bad = 0;
    while (done < count) {
        struct pollfd fds[64];
        unsigned busy = 0;
        for (unsigned k = 0; k < p->n; k++) {
            worker_t *w = &p->w[k];
            if (w->item < 0 && next < count) {
                task_t t = {fn, inputs[next]};
                if (w->sock < 0 || !put(w->sock, &t, sizeof t)) {
                    stop(w);
                    if (start(p, k))
                        put(w->sock, &t, sizeof t);
                }
                if (w->sock >= 0)
                    w->item = (long)next++;
                else {
                    failed[next++] = true;
                    bad++, done++;
                }
            }
            fds[k].fd = w->item >= 0 ? w->sock : -1;
            fds[k].events = POLLIN;
            busy += w->item >= 0;
        }
        if (!busy)
            continue;
        if (poll(fds, p->n, -1) <= 0)
            continue;
        for (unsigned k = 0; k < p->n; k++) {
            worker_t *w = &p->w[k];
            if (fds[k].fd < 0 || !fds[k].revents)
                continue;
            int64_t r;
            failed[w->item] = get(w->sock, &r, sizeof r) != sizeof r;
            if (failed[w->item]) {
                bad++;
                stop(w);
                start(p, k);
            } else {
                outputs[w->item] = r;
            }
            w->item = -1;
            done++;
        }
    }
    return bad;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned k = 0; k < p->n; k++)
        stop(&p->w[k]);
    free(p);
}
