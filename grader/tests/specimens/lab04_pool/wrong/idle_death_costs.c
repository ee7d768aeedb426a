/* expect: tests idle; schedules assertion | an item given to a worker that was dead already counts as lost */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pool {
    unsigned n;
    struct pollfd from[64]; /* what the workers say, ready for poll */
    int to[64];
    pid_t pid[64];
    size_t item[64];
};

static void close2(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

/* -1 if the worker does not answer */
static int call(int to, const void *message, size_t size)
{
    ssize_t n;
    while ((n = write(to, message, size)) == -1 && errno == EINTR)
        ;
    return n == (ssize_t)size ? 0 : -1;
}

static int add_worker(struct pool *p, unsigned i)
{
    int q[2], a[2];
    if (pipe(q) == -1)
        return -1;
    if (pipe(a) == -1) {
        close2(q);
        return -1;
    }
    switch (p->pid[i] = fork()) {
    case -1:
        p->pid[i] = 0;
        close2(q);
        close2(a);
        return -1;
    case 0:
        for (unsigned k = 0; k < p->n; k++)
            if (k != i && p->pid[k]) {
                close(p->to[k]);
                close(p->from[k].fd < 0 ? ~p->from[k].fd : p->from[k].fd);
            }
        close(q[1]);
        close(a[0]);
        for (int64_t w[2]; read(q[0], w, sizeof w) == sizeof w;) {
            w[0] = ((pool_fn *)w[0])(w[1]);
            if (write(a[1], w, 8) != 8)
                break;
        }
        _exit(0);
    }
    close(q[0]);
    close(a[1]);
    p->to[i] = q[1];
    p->from[i] = (struct pollfd){.fd = ~a[0], .events = POLLIN}; /* negative: nothing to hear */
    return 0;
}

static void drop_worker(struct pool *p, unsigned i)
{
    if (!p->pid[i])
        return;
    close(p->to[i]);
    close(p->from[i].fd < 0 ? ~p->from[i].fd : p->from[i].fd);
    while (waitpid(p->pid[i], NULL, 0) == -1 && errno == EINTR)
        ;
    p->from[i].fd = -1;
    p->pid[i] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    p->n = workers;
    for (unsigned i = 0; i < workers; i++)
        if (add_worker(p, i)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, over = 0, lost = 0;
    while (over < count) {
        for (unsigned i = 0; i < p->n && next < count; i++) {
            int64_t message[2] = {(int64_t)fn, inputs[next]};
            if (p->pid[i] == 0 && add_worker(p, i))
                continue;
            if (p->from[i].fd >= 0)
                continue;
            p->item[i] = next++;
            if (call(p->to[i], message, sizeof message) == 0) {
                p->from[i].fd = ~p->from[i].fd;
                continue;
            }
            /* the worker has died with this item */
            failed[p->item[i]] = true;
            lost++;
            over++;
            drop_worker(p, i);
            add_worker(p, i);
        }
        if (over == count || poll(p->from, p->n, -1) < 1)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            if (p->from[i].fd < 0 || !p->from[i].revents)
                continue;
            bool dead = read(p->from[i].fd, &outputs[p->item[i]], 8) != 8;
            failed[p->item[i]] = dead;
            over++;
            p->from[i].fd = ~p->from[i].fd;
            if (dead) {
                lost++;
                drop_worker(p, i);
                add_worker(p, i);
            }
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        drop_worker(p, i);
    free(p);
}
