/* expect: tests pool_is_whole_after_deaths | a place for which no process is to be had is filled with the last one while the answers of poll are looked at: they belong to the old order */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
    pool_fn *fn;
    int64_t x;
};

struct pool {
    unsigned wanted, n;       /* how many there should be, and are */
    struct pollfd fd[64];     /* of each living worker */
    pid_t pid[64];
    size_t item[64];          /* SIZE_MAX: none */
};

static bool add(struct pool *p)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        struct order o;
        for (unsigned i = 0; i < p->n; i++)
            close(p->fd[i].fd);
        close(s[0]);
        for (;;) {
            ssize_t k = recv(s[1], &o, sizeof o, MSG_WAITALL);
            if (k < 0 && errno == EINTR)
                continue;
            if (k != (ssize_t)sizeof o)
                _exit(0);
            o.x = o.fn(o.x);
            if (send(s[1], &o.x, sizeof o.x, MSG_NOSIGNAL) < 0)
                _exit(0);
        }
    }
    close(s[1]);
    if (pid < 0) {
        close(s[0]);
        return false;
    }
    p->fd[p->n] = (struct pollfd){.fd = s[0], .events = POLLIN};
    p->item[p->n] = SIZE_MAX;
    p->pid[p->n++] = pid;
    return true;
}

/* The last worker moves into the place of worker i. */
static void take_out(struct pool *p, unsigned i)
{
    close(p->fd[i].fd);
    while (waitpid(p->pid[i], NULL, 0) < 0 && errno == EINTR)
        ;
    p->n--;
    p->fd[i].fd = p->fd[p->n].fd;
    p->pid[i] = p->pid[p->n];
    p->item[i] = p->item[p->n];
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->wanted = workers;
    while (p->n < workers)
        if (!add(p)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

static bool give(struct pool *p, unsigned i, pool_fn *fn, int64_t x)
{
    struct order o = {fn, x};
    ssize_t k;
    do
        k = send(p->fd[i].fd, &o, sizeof o, MSG_NOSIGNAL);
    while (k < 0 && errno == EINTR);
    return k == (ssize_t)sizeof o;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, lost = 0;
    while (ended < count) {
        while (p->n < p->wanted && add(p))
            ;
        if (p->n == 0) {
            failed[next++] = true;
            lost++;
            ended++;
            continue;
        }
        for (unsigned i = 0; i < p->n && next < count;) {
            if (p->item[i] == SIZE_MAX) {
                if (!give(p, i, fn, inputs[next])) {
                    take_out(p, i);
                    add(p);
                    continue;
                }
                p->item[i] = next++;
            }
            i++;
        }
        for (unsigned i = 0; i < p->n; i++)
            p->fd[i].events = p->item[i] == SIZE_MAX ? 0 : POLLIN;
        if (poll(p->fd, p->n, -1) < 0)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            int64_t y;
            ssize_t k;
            if (p->fd[i].revents == 0)
                continue;
            if (p->item[i] == SIZE_MAX) {
                take_out(p, i);
                continue;
            }
            do
                k = recv(p->fd[i].fd, &y, sizeof y, MSG_WAITALL);
            while (k < 0 && errno == EINTR);
            ended++;
            failed[p->item[i]] = k != (ssize_t)sizeof y;
            if (k == (ssize_t)sizeof y) {
                outputs[p->item[i]] = y;
                p->item[i] = SIZE_MAX;
            } else {
                lost++;
                take_out(p, i--);
            }
        }
    }
    while (p->n < p->wanted && add(p))
        ;
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    while (p->n > 0)
        take_out(p, p->n - 1);
    free(p);
}
