/* expect: tests left; schedules use-after-free | pool_close frees the table of workers before it has waited for them */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pid_t pid;
    int fd;
    size_t item;
    bool busy;
} slot;

struct pool {
    slot *slots;
    size_t n;
};

typedef struct {
    pool_fn *fn;
    int64_t x;
} msg;

static bool fill(struct pool *p, slot *s)
{
    int fd[2];
    *s = (slot){.pid = -1, .fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
        return false;
    s->pid = fork();
    if (s->pid == 0) {
        msg m;
        for (size_t i = 0; i < p->n; i++)
            if (p->slots[i].fd >= 0)
                close(p->slots[i].fd);
        close(fd[0]);
        while (recv(fd[1], &m, sizeof m, 0) == sizeof m) {
            m.x = m.fn(m.x);
            if (send(fd[1], &m.x, sizeof m.x, MSG_NOSIGNAL) < 0)
                break;
        }
        _exit(0);
    }
    close(fd[1]);
    if (s->pid < 0) {
        close(fd[0]);
        return false;
    }
    s->fd = fd[0];
    return true;
}

static void reap(slot *s)
{
    if (s->pid < 0)
        return;
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    s->pid = -1;
}

static void clear(slot *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->busy = false;
    reap(s);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->slots = malloc(workers * sizeof *p->slots);
    for (size_t i = 0; i < workers; i++) {
        p->n++;
        if (!fill(p, &p->slots[i])) {
            p->n--;
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

static bool submit(struct pool *p, slot *s, msg m)
{
    if (s->fd >= 0 && send(s->fd, &m, sizeof m, MSG_NOSIGNAL) == sizeof m)
        return true;
    clear(s);
    return fill(p, s) && send(s->fd, &m, sizeof m, MSG_NOSIGNAL) == sizeof m;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, open = 0, lost = 0;
    struct pollfd *fds = malloc(p->n * sizeof *fds);
    for (;;) {
        for (size_t i = 0; i < p->n; i++) {
            slot *s = &p->slots[i];
            if (!s->busy && next < count && submit(p, s, (msg){fn, inputs[next]})) {
                s->busy = true;
                s->item = next++;
                open++;
            }
            fds[i] = (struct pollfd){.fd = s->busy ? s->fd : -1, .events = POLLIN};
        }
        if (open == 0)
            break;
        if (poll(fds, p->n, -1) < 0)
            continue;
        for (size_t i = 0; i < p->n; i++) {
            slot *s = &p->slots[i];
            if (!s->busy || !fds[i].revents)
                continue;
            open--;
            s->busy = false;
            failed[s->item] = recv(s->fd, outputs + s->item, sizeof *outputs, 0) != sizeof *outputs;
            if (failed[s->item]) {
                lost++;
                clear(s);
                fill(p, s);
            }
        }
    }
    free(fds);
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    /* first tell all of them, ... */
    for (size_t i = 0; i < p->n; i++)
        if (p->slots[i].fd >= 0)
            close(p->slots[i].fd);
    free(p->slots);
    /* ... then wait: so they end at the same time */
    for (size_t i = 0; i < p->n; i++)
        reap(&p->slots[i]);
    free(p);
}
