/* expect: right; schedules NOT_RUN | signal-driven I/O: a socket with news sends a real-time signal (O_ASYNC, F_SETSIG) for which the caller waits with sigtimedwait; answers are read without blocking */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NEWS (SIGRTMAX - 2)

typedef struct job {
    pool_fn *fn;
    int64_t in;
} job;

typedef struct line {
    int fd; /* -1: nobody at the other end */
    pid_t pid;
    bool waiting;
    size_t item;
} line;

struct pool {
    unsigned n;
    bool listening;
    sigset_t mask; /* the caller's, before the call */
    line l[64];
};

/* Whether this socket sends signals: only inside pool_map, which blocks and takes them. */
static void ring(int fd, bool on)
{
    const struct f_owner_ex me = {F_OWNER_TID, gettid()};
    if (fd < 0)
        return;
    if (on) {
        fcntl(fd, F_SETOWN_EX, &me);
        fcntl(fd, F_SETSIG, NEWS);
    }
    fcntl(fd, F_SETFL, on ? O_ASYNC | O_NONBLOCK : O_NONBLOCK);
}

static bool dial(struct pool *p, unsigned k)
{
    int s[2];
    p->l[k] = (line){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        if (p->listening)
            pthread_sigmask(SIG_SETMASK, &p->mask, NULL);
        for (unsigned i = 0; i < p->n; i++)
            if (p->l[i].fd >= 0)
                close(p->l[i].fd);
        close(s[0]);
        for (;;) {
            job j;
            const ssize_t r = recv(s[1], &j, sizeof j, 0);
            if (r < 0 && errno == EINTR)
                continue;
            if (r != (ssize_t)sizeof j)
                _exit(0);
            j.in = j.fn(j.in);
            while (send(s[1], &j.in, sizeof j.in, MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                    _exit(0);
        }
    }
    close(s[1]);
    if (pid < 0) {
        close(s[0]);
        return false;
    }
    p->l[k].fd = s[0];
    p->l[k].pid = pid;
    ring(s[0], p->listening);
    return true;
}

static void hang_up(line *l)
{
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    p->listening = false;
    for (unsigned k = 0; k < workers; k++)
        p->l[k] = (line){.fd = -1};
    for (unsigned k = 0; k < workers; k++)
        if (!dial(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

static bool pass(struct pool *p, unsigned k, job j)
{
    for (int turn = 0; turn < 2; turn++) {
        ssize_t r;
        if (p->l[k].fd < 0 && !dial(p, k))
            return false;
        do
            r = send(p->l[k].fd, &j, sizeof j, MSG_NOSIGNAL);
        while (r < 0 && errno == EINTR);
        if (r == (ssize_t)sizeof j)
            return true;
        hang_up(&p->l[k]);
    }
    return false;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    const struct timespec patience = {1, 0}, none = {0, 0};
    size_t given = 0, taken = 0, lost = 0;
    sigset_t news;
    sigemptyset(&news);
    sigaddset(&news, NEWS);
    sigaddset(&news, SIGIO); /* comes when the queue of the other is full */
    pthread_sigmask(SIG_BLOCK, &news, &p->mask);
    sigdelset(&news, SIGIO);
    p->listening = true;
    for (unsigned k = 0; k < p->n; k++)
        ring(p->l[k].fd, true);
    while (taken < count) {
        bool any = false, moved = false;
        for (unsigned k = 0; k < p->n; k++) {
            line *l = &p->l[k];
            if (l->waiting) {
                int64_t y;
                ssize_t r;
                do
                    r = recv(l->fd, &y, sizeof y, MSG_DONTWAIT);
                while (r < 0 && errno == EINTR);
                if (r < 0 && errno == EAGAIN) {
                    any = true;
                    continue;
                }
                failed[l->item] = r != (ssize_t)sizeof y;
                if (r == (ssize_t)sizeof y)
                    outputs[l->item] = y;
                else {
                    lost++;
                    hang_up(l);
                    dial(p, k);
                }
                l->waiting = false;
                taken++;
                moved = true;
            }
            if (given < count && pass(p, k, (job){fn, inputs[given]})) {
                l->waiting = true;
                l->item = given++;
                any = true;
            }
        }
        if (!any && given < count) {
            failed[given++] = true;
            lost++;
            taken++;
        } else if (!moved && taken < count) {
            sigtimedwait(&news, NULL, &patience);
        }
    }
    p->listening = false;
    for (unsigned k = 0; k < p->n; k++)
        ring(p->l[k].fd, false);
    while (sigtimedwait(&news, NULL, &none) > 0 || errno == EINTR)
        continue;
    pthread_sigmask(SIG_SETMASK, &p->mask, NULL);
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; k < p->n; k++)
        hang_up(&p->l[k]);
    free(p);
}
