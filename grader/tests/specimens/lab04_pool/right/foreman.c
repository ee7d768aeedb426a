/* expect: right; schedules NOT_RUN | a foreman, forked once, forks the workers, also later ones, and waits for them; it hands their sockets over by SCM_RIGHTS */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pool_fn *fn;
    int64_t arg;
} job;

/* To the foreman: 0 asks for a new worker, a pid asks to wait for that one. It answers each with a pid, or -1. */
typedef struct {
    pid_t pid;
    int fd;
} hand;

struct pool {
    int office;
    pid_t foreman;
    unsigned n;
    hand h[64]; /* fd < 0: nobody */
    bool busy[64];
    size_t item[64];
};

static bool out(int s, const void *what, size_t n)
{
    ssize_t r;
    while ((r = send(s, what, n, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return r == (ssize_t)n;
}

static bool in(int s, void *what, size_t n)
{
    ssize_t r;
    while ((r = recv(s, what, n, MSG_WAITALL)) < 0 && errno == EINTR)
        ;
    return r == (ssize_t)n;
}

static bool send_fd(int s, pid_t pid, int fd)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u;
    struct iovec v = {.iov_base = &pid, .iov_len = sizeof pid};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd >= 0) {
        memset(&u, 0, sizeof u);
        m.msg_control = u.buf;
        m.msg_controllen = sizeof u.buf;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t r;
    while ((r = sendmsg(s, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return r == sizeof pid;
}

static pid_t recv_fd(int s, int *fd)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u;
    pid_t pid = -1;
    struct iovec v = {.iov_base = &pid, .iov_len = sizeof pid};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.buf, .msg_controllen = sizeof u.buf};
    ssize_t r;
    *fd = -1;
    while ((r = recvmsg(s, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (r != sizeof pid)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return pid;
}

static void worker_main(int s)
{
    job j;
    while (in(s, &j, sizeof j)) {
        int64_t r = j.fn(j.arg);
        if (!out(s, &r, sizeof r))
            break;
    }
    _exit(0);
}

static void foreman_main(int s)
{
    pid_t order;
    while (in(s, &order, sizeof order)) {
        if (order > 0) {
            while (waitpid(order, NULL, 0) < 0 && errno == EINTR)
                ;
            if (!send_fd(s, order, -1))
                break;
            continue;
        }
        int sv[2] = {-1, -1};
        pid_t pid = -1;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0) {
            pid = fork();
            if (pid == 0) {
                close(s);
                close(sv[0]);
                worker_main(sv[1]);
            }
            close(sv[1]);
            if (pid < 0) {
                close(sv[0]);
                sv[0] = -1;
            }
        }
        bool ok = send_fd(s, pid, sv[0]);
        if (sv[0] >= 0)
            close(sv[0]);
        if (!ok)
            break;
    }
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    _exit(0);
}

static bool hire(struct pool *p, unsigned k)
{
    pid_t zero = 0;
    if (!out(p->office, &zero, sizeof zero))
        return false;
    pid_t pid = recv_fd(p->office, &p->h[k].fd);
    p->h[k].pid = pid;
    if (pid > 0 && p->h[k].fd < 0) { /* there was no descriptor for it here: it has seen the end of its input */
        if (out(p->office, &pid, sizeof pid))
            in(p->office, &pid, sizeof pid);
        return false;
    }
    return pid > 0;
}

static void fire(struct pool *p, unsigned k)
{
    if (p->h[k].fd < 0)
        return;
    close(p->h[k].fd);
    p->h[k].fd = -1;
    p->busy[k] = false;
    pid_t pid = p->h[k].pid;
    if (out(p->office, &pid, sizeof pid))
        in(p->office, &pid, sizeof pid);
}

struct pool *pool_create(unsigned workers)
{
    int sv[2];
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
        goto no_sockets;
    if ((p->foreman = fork()) < 0)
        goto no_foreman;
    if (p->foreman == 0) {
        close(sv[0]);
        foreman_main(sv[1]);
    }
    close(sv[1]);
    p->office = sv[0];
    p->n = workers;
    for (unsigned k = 0; k < workers; k++)
        p->h[k].fd = -1;
    for (unsigned k = 0; k < workers; k++)
        if (!hire(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;

no_foreman:
    close(sv[0]);
    close(sv[1]);
no_sockets:
    free(p);
    return NULL;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, lost = 0;
    for (;;) {
        struct pollfd f[64];
        unsigned busy = 0;
        for (unsigned k = 0; k < p->n; k++) {
            for (int tries = 0; !p->busy[k] && next < count && tries < 3; tries++) {
                if (p->h[k].fd < 0 && !hire(p, k))
                    break;
                job j = {.fn = fn, .arg = inputs[next]};
                if (out(p->h[k].fd, &j, sizeof j)) {
                    p->busy[k] = true;
                    p->item[k] = next++;
                } else {
                    fire(p, k);
                }
            }
            f[k].fd = p->busy[k] ? p->h[k].fd : -1;
            f[k].events = POLLIN;
            busy += p->busy[k];
        }
        if (!busy && next == count)
            return lost;
        if (!busy) {
            failed[next++] = true;
            lost++;
            continue;
        }
        if (poll(f, p->n, -1) < 0)
            continue;
        for (unsigned k = 0; k < p->n; k++) {
            if (f[k].fd < 0 || !f[k].revents)
                continue;
            int64_t r;
            size_t i = p->item[k];
            failed[i] = !in(p->h[k].fd, &r, sizeof r);
            if (failed[i]) {
                lost++;
                fire(p, k);
            } else {
                outputs[i] = r;
                p->busy[k] = false;
            }
        }
    }
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned k = 0; k < p->n; k++)
        if (p->h[k].fd >= 0)
            close(p->h[k].fd);
    close(p->office);
    while (waitpid(p->foreman, NULL, 0) < 0 && errno == EINTR)
        ;
    free(p);
}
