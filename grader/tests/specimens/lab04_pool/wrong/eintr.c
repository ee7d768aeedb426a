/* expect: tests signals; schedules assertion | a system call interrupted by a signal counts as an error */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct unit {
    pid_t pid;
    int fd;
    size_t item;
    enum { DOWN, READY, BUSY } state;
};

struct pool {
    unsigned units;
    struct unit unit[];
};

typedef struct {
    pool_fn *fn;
    int64_t in;
} request;

static void unit_loop(int fd)
{
    request r;
    while (recv(fd, &r, sizeof r, 0) == sizeof r) {
        const int64_t out = r.fn(r.in);
        if (send(fd, &out, sizeof out, MSG_NOSIGNAL) != sizeof out)
            _exit(1);
    }
    _exit(0);
}

static void unit_stop(struct unit *u)
{
    if (u->state == DOWN)
        return;
    close(u->fd);
    while (waitpid(u->pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    u->state = DOWN;
}

static bool unit_start(struct pool *p, struct unit *u)
{
    int s[2];
    if (u->state != DOWN)
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == -1)
        return false;
    if ((u->pid = fork()) == 0) {
        for (unsigned i = 0; i < p->units; i++)
            if (p->unit[i].state != DOWN)
                close(p->unit[i].fd);
        close(s[0]);
        unit_loop(s[1]);
    }
    close(s[1]);
    if (u->pid == -1) {
        close(s[0]);
        return false;
    }
    u->fd = s[0];
    u->state = READY;
    return true;
}

static bool unit_give(struct pool *p, struct unit *u, request r)
{
    for (int go = 0; go < 2 && unit_start(p, u); go++) {
        if (send(u->fd, &r, sizeof r, MSG_NOSIGNAL) == sizeof r)
            return true;
        unit_stop(u);
    }
    return false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p + workers * sizeof p->unit[0]);
    if (p == NULL)
        return NULL;
    p->units = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!unit_start(p, &p->unit[i])) {
            pool_close(p);
            return NULL;
        }
    return p;
}

/* Whatever is not there yet will not come any more. */
static size_t give_up(struct pool *p, bool *failed, size_t from, size_t count)
{
    size_t lost = count - from;
    for (; from < count; from++)
        failed[from] = true;
    for (unsigned i = 0; i < p->units; i++)
        if (p->unit[i].state == BUSY) {
            failed[p->unit[i].item] = true;
            lost++;
            unit_stop(&p->unit[i]);
        }
    return lost;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t begun = 0, ended = 0, lost = 0;
    while (ended < count) {
        struct pollfd watch[64];
        for (unsigned i = 0; i < p->units; i++) {
            struct unit *u = &p->unit[i];
            if (u->state != BUSY && begun < count && unit_give(p, u, (request){fn, inputs[begun]})) {
                u->state = BUSY;
                u->item = begun++;
            }
            watch[i] = (struct pollfd){.fd = u->state == BUSY ? u->fd : -1, .events = POLLIN};
        }
        if (poll(watch, p->units, -1) == -1)
            return lost + give_up(p, failed, begun, count);
        for (unsigned i = 0; i < p->units; i++) {
            struct unit *u = &p->unit[i];
            if (watch[i].revents == 0)
                continue;
            ended++;
            failed[u->item] = recv(u->fd, &outputs[u->item], sizeof outputs[0], 0) <= 0;
            if (failed[u->item]) {
                lost++;
                unit_stop(u);
                unit_start(p, u);
            } else {
                u->state = READY;
            }
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->units; i++)
        unit_stop(&p->unit[i]);
    free(p);
}
