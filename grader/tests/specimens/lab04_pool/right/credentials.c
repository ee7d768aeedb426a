/* expect: right; schedules NOT_RUN | all answers come as datagrams by one socket, and whose an answer is tells the kernel: SCM_CREDENTIALS with the sender's pid. A death shows on the worker's own socket */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct task {
    pool_fn *fn;
    int64_t argument;
};

struct clerk {
    pid_t pid; /* 0: nobody */
    int desk;  /* orders go here; its hang-up is the clerk's death */
    bool busy;
    size_t item;
};

struct pool {
    unsigned n;
    int post[2]; /* 0: the caller's end; 1: that of all clerks */
    struct clerk clerk[64];
};

static _Noreturn void office(int desk, int post)
{
    struct task t;
    for (;;) {
        const ssize_t got = recv(desk, &t, sizeof t, MSG_WAITALL);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof t)
            _exit(0);
        const int64_t result = t.fn(t.argument);
        ssize_t sent;
        do
            sent = send(post, &result, sizeof result, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent < 0)
            _exit(0);
    }
}

static bool engage(struct pool *p, struct clerk *c)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < p->n; i++)
            if (p->clerk[i].pid > 0)
                close(p->clerk[i].desk);
        close(p->post[0]);
        close(s[0]);
        office(s[1], p->post[1]);
    }
    close(s[1]);
    if (pid < 0) {
        close(s[0]);
        return false;
    }
    *c = (struct clerk){.pid = pid, .desk = s[0]};
    return true;
}

static void leave(struct clerk *c)
{
    if (c->pid == 0)
        return;
    close(c->desk);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    const int on = 1;
    if (p == NULL)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p->post) < 0) {
        free(p);
        return NULL;
    }
    p->n = workers;
    bool all = setsockopt(p->post[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
    for (unsigned i = 0; all && i < workers; i++)
        all = engage(p, &p->clerk[i]);
    if (all)
        return p;
    pool_close(p);
    return NULL;
}

/* Takes an answer if one is there: 1 yes, 0 none. */
static bool letter(struct pool *p, pid_t *from, int64_t *result)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec iov = {result, sizeof *result};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(p->post[0], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *h = got < 0 ? NULL : CMSG_FIRSTHDR(&m);
    struct ucred who = {0};
    if (h != NULL && h->cmsg_type == SCM_CREDENTIALS)
        memcpy(&who, CMSG_DATA(h), sizeof who);
    *from = who.pid;
    return got >= 0;
}

static size_t open_post(struct pool *p, int64_t *outputs)
{
    size_t opened = 0;
    pid_t from;
    int64_t result;
    while (letter(p, &from, &result))
        for (unsigned i = 0; i < p->n; i++)
            if (p->clerk[i].pid == from && p->clerk[i].busy) {
                outputs[p->clerk[i].item] = result;
                p->clerk[i].busy = false;
                opened++;
            }
    return opened;
}

static bool order(struct pool *p, struct clerk *c, struct task t)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        ssize_t k;
        if (c->pid == 0 && !engage(p, c))
            return false;
        do
            k = send(c->desk, &t, sizeof t, MSG_NOSIGNAL);
        while (k < 0 && errno == EINTR);
        if (k == (ssize_t)sizeof t)
            return true;
        leave(c);
    }
    return false;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, lost = 0;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    while (ended < count) {
        struct pollfd f[65];
        bool any = false;
        for (unsigned i = 0; i < p->n; i++) {
            struct clerk *c = &p->clerk[i];
            if (!c->busy && next < count && order(p, c, (struct task){fn, inputs[next]})) {
                c->item = next++;
                c->busy = true;
            }
            any = any || c->busy;
            f[i] = (struct pollfd){.fd = c->busy ? c->desk : -1, .events = 0};
        }
        if (!any) {
            failed[next++] = true;
            lost++;
            ended++;
            continue;
        }
        f[p->n] = (struct pollfd){.fd = p->post[0], .events = POLLIN};
        if (poll(f, p->n + 1, -1) < 0)
            continue;
        ended += open_post(p, outputs);
        for (unsigned i = 0; i < p->n; i++) {
            struct clerk *c = &p->clerk[i];
            if (f[i].fd < 0 || f[i].revents == 0)
                continue;
            const pid_t pid = c->pid;
            leave(c);
            c->pid = pid; /* for what it wrote before it ended */
            ended += open_post(p, outputs);
            c->pid = 0;
            if (c->busy) {
                failed[c->item] = true;
                c->busy = false;
                lost++;
                ended++;
            }
            engage(p, c);
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++)
        leave(&p->clerk[i]);
    close(p->post[0]);
    close(p->post[1]);
    free(p);
}
