/* expect: right | one static pool of 64 fixed places (a process has at most one); the caller keeps the order pipes' read ends, so no SIGPIPE; an order still in the pipe of a dead worker goes to another; debug lines to stderr, assert, strdup; plain */
#define _GNU_SOURCE
#include "pool.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAXW 64
#define NOTHING ((size_t)-1)

struct pool {
    unsigned n;
    pid_t pids[MAXW];
    int order_r[MAXW], order_w[MAXW], result_r[MAXW];
    size_t item[MAXW];
    char *name[MAXW];
    size_t *again; /* items whose worker died before it read them */
    size_t agains;
};

static struct pool the_pool;
static bool in_use;

static void debug(const char *what, unsigned k)
{
    static int quiet = -1;
    if (quiet < 0)
        quiet = getenv("POOL_DEBUG") == NULL;
    if (!quiet)
        fprintf(stderr, "pool: %s: %s\n", what, the_pool.name[k]);
}

static void read_all(int fd, void *to, size_t n)
{
    char *c = to;
    while (n > 0) {
        ssize_t r = read(fd, c, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            _exit(0);
        c += r;
        n -= (size_t)r;
    }
}

static void write_all(int fd, const void *from, size_t n)
{
    const char *c = from;
    while (n > 0) {
        ssize_t r = write(fd, c, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return;
        c += r;
        n -= (size_t)r;
    }
}

static bool start(struct pool *p, unsigned k)
{
    int a[2], b[2];
    if (pipe(a) != 0)
        return false;
    if (pipe(b) != 0) {
        close(a[0]);
        close(a[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == -1) {
        close(a[0]);
        close(a[1]);
        close(b[0]);
        close(b[1]);
        return false;
    }
    if (pid == 0) {
        for (unsigned j = 0; j < p->n; j++) {
            if (p->pids[j] != 0) {
                close(p->order_r[j]);
                close(p->order_w[j]);
                close(p->result_r[j]);
            }
        }
        close(a[1]);
        close(b[0]);
        for (;;) {
            unsigned char bytes[sizeof(pool_fn *) + sizeof(int64_t)];
            pool_fn *fn;
            int64_t x;
            read_all(a[0], bytes, sizeof bytes);
            memcpy(&fn, bytes, sizeof fn);
            memmove(&x, bytes + sizeof fn, sizeof x);
            x = fn(x);
            write_all(b[1], &x, sizeof x);
        }
    }
    close(b[1]);
    p->pids[k] = pid;
    p->order_r[k] = a[0];
    p->order_w[k] = a[1];
    p->result_r[k] = b[0];
    p->item[k] = NOTHING;
    debug("started", k);
    return true;
}

static void finish(struct pool *p, unsigned k)
{
    debug("finished", k);
    close(p->order_w[k]);
    close(p->order_r[k]);
    close(p->result_r[k]);
    while (waitpid(p->pids[k], NULL, 0) == -1 && errno == EINTR)
        continue;
    p->pids[k] = 0;
    p->item[k] = NOTHING;
}

struct pool *pool_create(unsigned workers)
{
    assert(!in_use);
    assert(workers >= 1 && workers <= MAXW);
    memset(&the_pool, 0, sizeof the_pool);
    in_use = true;
    the_pool.n = workers;
    the_pool.again = malloc(MAXW * sizeof *the_pool.again);
    if (the_pool.again == NULL) {
        pool_close(&the_pool);
        return NULL;
    }
    for (unsigned k = 0; k < workers; k++) {
        char text[32];
        snprintf(text, sizeof text, "worker %u of %u", k + 1, workers);
        the_pool.name[k] = strdup(text);
        if (the_pool.name[k] == NULL || !start(&the_pool, k)) {
            pool_close(&the_pool);
            return NULL;
        }
    }
    return &the_pool;
}

/* is the worker gone? asked before it gets an item */
static bool gone(struct pool *p, unsigned k)
{
    struct pollfd f = {p->result_r[k], POLLIN, 0};
    int r;
    do {
        r = poll(&f, 1, 0);
    } while (r < 0 && errno == EINTR);
    return r > 0 && (f.revents & POLLHUP);
}

static bool order_unread(struct pool *p, unsigned k)
{
    struct pollfd f = {p->order_r[k], POLLIN, 0};
    int r;
    do {
        r = poll(&f, 1, 0);
    } while (r < 0 && errno == EINTR);
    return r > 0 && (f.revents & POLLIN);
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    assert(p == &the_pool && in_use);
    size_t next = 0, open = count, lost = 0;
    bool tired[MAXW] = {0};
    p->agains = 0;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;

    while (open > 0) {
        struct pollfd f[MAXW];
        unsigned busy = 0;
        for (unsigned k = 0; k < p->n; k++) {
            if (p->item[k] == NOTHING && (next < count || p->agains > 0) && !tired[k]) {
                if (p->pids[k] != 0 && gone(p, k))
                    finish(p, k);
                if (p->pids[k] == 0 && !start(p, k))
                    tired[k] = true;
                if (p->pids[k] != 0) {
                    size_t i;
                    if (p->agains > 0) {
                        i = p->again[0];
                        p->agains--;
                        memmove(p->again, p->again + 1, p->agains * sizeof *p->again);
                    } else {
                        i = next++;
                    }
                    unsigned char bytes[sizeof fn + sizeof inputs[0]];
                    memcpy(bytes, &fn, sizeof fn);
                    memcpy(bytes + sizeof fn, &inputs[i], sizeof inputs[0]);
                    write_all(p->order_w[k], bytes, sizeof bytes);
                    p->item[k] = i;
                }
            }
            f[k].fd = p->item[k] == NOTHING ? -1 : p->result_r[k];
            f[k].events = POLLIN;
            f[k].revents = 0;
            if (p->item[k] != NOTHING)
                busy++;
        }
        if (busy == 0) { /* nobody there and nobody to be had */
            for (size_t j = 0; j < p->agains; j++)
                failed[p->again[j]] = true;
            while (next < count)
                failed[next++] = true;
            lost += open;
            break;
        }
        if (poll(f, p->n, -1) < 0) {
            assert(errno == EINTR || errno == EAGAIN || errno == ENOMEM);
            continue;
        }
        for (unsigned k = 0; k < p->n; k++) {
            if (f[k].fd < 0 || f[k].revents == 0)
                continue;
            int64_t y;
            ssize_t r;
            do {
                r = read(p->result_r[k], &y, sizeof y);
            } while (r < 0 && errno == EINTR);
            if (r == (ssize_t)sizeof y) {
                outputs[p->item[k]] = y;
                p->item[k] = NOTHING;
                open--;
            } else {
                if (order_unread(p, k)) {
                    p->again[p->agains++] = p->item[k];
                } else {
                    failed[p->item[k]] = true;
                    lost++;
                    open--;
                }
                finish(p, k);
            }
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; k < p->n; k++) {
        if (p->pids[k] != 0)
            finish(p, k);
        free(p->name[k]);
        p->name[k] = NULL;
    }
    free(p->again);
    p->again = NULL;
    in_use = false;
}
