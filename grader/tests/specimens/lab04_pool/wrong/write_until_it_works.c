/* expect: tests workers_end_when_parent_is_killed | serve() repeats the write of an answer after any error, not only EINTR: when the caller ignores SIGPIPE and ends while a worker is busy, that worker gets EPIPE for ever and never ends */
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
    pool_fn *fn;
    int64_t input;
};

struct worker {
    pid_t pid; /* 0: place is empty */
    int fd;
    bool busy, hopeless;
    size_t item;
};

struct pool {
    unsigned workers;
    struct worker w[];
};

static bool read_all(int fd, void *to, size_t size)
{
    char *p = to;
    while (size > 0) {
        ssize_t n = read(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static _Noreturn void serve(int fd)
{
    struct order o;
    while (read_all(fd, &o, sizeof o)) {
        int64_t result = o.fn(o.input);
        while (write(fd, &result, sizeof result) != (ssize_t)sizeof result)
            continue; /* a signal came in between: once more */
    }
    _exit(0);
}

static bool hire(struct pool *pool, unsigned k)
{
    int sv[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
        return false;
    pid_t pid = fork();
    if (pid < 0) {
        close(sv[0]);
        close(sv[1]);
        return false;
    }
    if (pid == 0) {
        close(sv[0]);
        for (unsigned i = 0; i < pool->workers; i++)
            if (pool->w[i].pid)
                close(pool->w[i].fd);
        serve(sv[1]);
    }
    close(sv[1]);
    pool->w[k].pid = pid;
    pool->w[k].fd = sv[0];
    pool->w[k].busy = false;
    return true;
}

static void bury(struct worker *w)
{
    close(w->fd);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
    w->busy = false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->w[0]);
    if (!pool)
        return NULL;
    pool->workers = workers;
    for (unsigned k = 0; k < workers; k++)
        if (!hire(pool, k)) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

static bool give(struct pool *pool, unsigned k, const struct order *o)
{
    struct worker *w = &pool->w[k];
    for (;;) {
        if (!w->pid) {
            if (w->hopeless || !hire(pool, k)) {
                w->hopeless = true;
                return false;
            }
        }
        ssize_t n;
        do
            n = send(w->fd, o, sizeof *o, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)sizeof *o)
            return true;
        bury(w);
    }
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, lost = 0, working = 0;
    for (unsigned k = 0; k < pool->workers; k++)
        pool->w[k].hopeless = false;
    for (;;) {
        for (unsigned k = 0; k < pool->workers && next < count; k++) {
            struct worker *w = &pool->w[k];
            if (w->busy)
                continue;
            struct order o = {fn, inputs[next]};
            if (give(pool, k, &o)) {
                w->busy = true;
                w->item = next++;
                working++;
            }
        }
        if (working == 0)
            break;
        struct pollfd p[64];
        for (unsigned k = 0; k < pool->workers; k++)
            p[k] = (struct pollfd){.fd = pool->w[k].busy ? pool->w[k].fd : -1, .events = POLLIN};
        if (poll(p, pool->workers, -1) < 0)
            continue;
        for (unsigned k = 0; k < pool->workers; k++) {
            struct worker *w = &pool->w[k];
            if (p[k].fd < 0 || !p[k].revents)
                continue;
            int64_t r;
            bool ok = read_all(w->fd, &r, sizeof r);
            failed[w->item] = !ok;
            if (ok) {
                outputs[w->item] = r;
                w->busy = false;
            } else {
                lost++;
                bury(w);
            }
            working--;
        }
    }
    for (; next < count; next++, lost++)
        failed[next] = true; /* not a single process to be had */
    return lost;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (unsigned k = 0; k < pool->workers; k++)
        if (pool->w[k].pid)
            bury(&pool->w[k]);
    free(pool);
}
