/* expect: right | epoll, SOCK_SEQPACKET, dead workers replaced only when a call needs them */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    struct worker *next_free;
    pid_t pid;
    int fd;
    size_t index;
};

struct request {
    pool_fn *fn;
    int64_t input;
};

struct pool {
    int epoll;
    unsigned size;
    struct worker *idle; /* stack of workers without an item, dead ones included */
    struct worker all[64];
};

static void serve(int fd)
{
    struct request r;
    for (;;) {
        ssize_t n = recv(fd, &r, sizeof r, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof r)
            _exit(0);
        int64_t answer = r.fn(r.input);
        if (send(fd, &answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer)
            _exit(0);
    }
}

static bool revive(struct pool *p, struct worker *w)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < p->size; i++)
            if (p->all[i].fd >= 0)
                close(p->all[i].fd);
        close(p->epoll);
        close(pair[0]);
        serve(pair[1]);
    }
    close(pair[1]);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
    if (pid < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, pair[0], &e) < 0) {
        close(pair[0]);
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return false;
    }
    w->pid = pid;
    w->fd = pair[0];
    return true;
}

static void bury(struct pool *p, struct worker *w)
{
    if (w->fd < 0)
        return;
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    close(w->fd);
    w->fd = -1;
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void push(struct pool *p, struct worker *w)
{
    w->index = SIZE_MAX;
    w->next_free = p->idle;
    p->idle = w;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof *p);
    p->size = workers;
    for (unsigned i = 0; i < workers; i++)
        p->all[i].fd = -1;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        goto fail;
    for (unsigned i = 0; i < workers; i++) {
        if (!revive(p, &p->all[i]))
            goto fail;
        push(p, &p->all[i]);
    }
    return p;
fail:
    pool_close(p);
    return NULL;
}

static bool hand(struct pool *p, struct worker *w, pool_fn *fn, int64_t input)
{
    struct request r = {fn, input};
    for (int attempt = 0; attempt < 2; attempt++) {
        if (w->fd < 0 && !revive(p, w))
            return false;
        if (send(w->fd, &r, sizeof r, MSG_NOSIGNAL) == (ssize_t)sizeof r)
            return true;
        bury(p, w);
    }
    return false;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t begun = 0, ended = 0, lost = 0;
    memset(failed, 0, count * sizeof *failed);
    while (ended < count) {
        struct worker *vacant = NULL; /* no process is to be had for these */
        while (p->idle && begun < count) {
            struct worker *w = p->idle;
            p->idle = w->next_free;
            if (hand(p, w, fn, inputs[begun])) {
                w->index = begun++;
            } else {
                w->next_free = vacant;
                vacant = w;
            }
        }
        while (vacant) {
            struct worker *w = vacant;
            vacant = w->next_free;
            push(p, w);
        }
        if (begun == ended) { /* and no other worker is left to do their share */
            failed[begun++] = true;
            lost++;
            ended++;
            continue;
        }
        struct epoll_event e;
        if (epoll_wait(p->epoll, &e, 1, -1) != 1)
            continue;
        struct worker *w = e.data.ptr;
        int64_t answer;
        ssize_t n = recv(w->fd, &answer, sizeof answer, 0);
        if (n == (ssize_t)sizeof answer) {
            outputs[w->index] = answer;
        } else {
            bury(p, w);
            if (w->index == SIZE_MAX)
                continue; /* it was idle: it stays on the stack and is revived when needed */
            failed[w->index] = true;
            lost++;
        }
        ended++;
        push(p, w);
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->size; i++)
        bury(p, &p->all[i]);
    if (p->epoll >= 0)
        close(p->epoll);
    free(p);
}
