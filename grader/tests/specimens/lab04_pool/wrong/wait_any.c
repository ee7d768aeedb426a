/* expect: tests children; schedules assertion | waits for any child instead of its own workers */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Deaths are learnt of in one place: collect() asks the kernel who has ended. */

struct pool {
    unsigned n, alive;
    struct {
        pid_t pid;
        int fd;
        size_t item; /* 0: none, otherwise 1 + its number */
    } w[64];
};

struct packet {
    pool_fn *fn;
    int64_t n;
};

static bool birth(struct pool *p, unsigned i)
{
    int pair[2];
    if (p->w[i].fd >= 0)
        close(p->w[i].fd);
    p->w[i].fd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        struct packet k;
        close(pair[0]);
        for (unsigned o = 0; o < p->n; o++)
            if (p->w[o].fd >= 0)
                close(p->w[o].fd);
        while (recv(pair[1], &k, sizeof k, 0) > 0) {
            k.n = k.fn(k.n);
            send(pair[1], &k.n, sizeof k.n, MSG_NOSIGNAL);
        }
        _exit(0);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return false;
    }
    p->w[i].pid = pid;
    p->w[i].fd = pair[0];
    p->alive++;
    return true;
}

/* Waits until a child has ended, and strikes it off the list. */
static void collect(struct pool *p)
{
    const pid_t gone = wait(NULL);
    for (unsigned i = 0; gone > 0 && i < p->n; i++)
        if (p->w[i].pid == gone) {
            p->w[i].pid = 0;
            p->alive--;
        }
    if (gone < 0 && errno == ECHILD)
        abort();
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof *p);
    for (unsigned i = 0; i < 64; i++)
        p->w[i].fd = -1;
    while (p->n < workers) {
        if (!birth(p, p->n)) {
            pool_close(p);
            return NULL;
        }
        p->n++;
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, dead = 0;
    memset(failed, false, count);
    while (ended < count) {
        struct pollfd fds[64];
        for (unsigned i = 0; i < p->n; i++) {
            while (p->w[i].item == 0 && next < count) {
                struct packet k = {fn, inputs[next]};
                if (p->w[i].pid == 0 && !birth(p, i))
                    break;
                if (send(p->w[i].fd, &k, sizeof k, MSG_NOSIGNAL) == sizeof k)
                    p->w[i].item = ++next;
                else
                    while (p->w[i].pid != 0)
                        collect(p);
            }
            fds[i] = (struct pollfd){.fd = p->w[i].item ? p->w[i].fd : -1, .events = POLLIN};
        }
        if (poll(fds, p->n, -1) < 0)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            const size_t item = p->w[i].item - 1;
            p->w[i].item = 0;
            ended++;
            if (recv(p->w[i].fd, &outputs[item], sizeof(int64_t), 0) > 0)
                continue;
            failed[item] = true;
            dead++;
            while (p->w[i].pid != 0)
                collect(p);
            birth(p, i);
        }
    }
    return dead;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].fd >= 0)
            close(p->w[i].fd);
    while (p->alive > 0)
        collect(p);
    free(p);
}
