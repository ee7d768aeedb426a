/* expect: right | two pipes a worker and poll; every descriptor a worker should not have is closed by a table walk */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool.h"

enum { NONE = -1 };

struct order { pool_fn *fn; int64_t input; };

struct worker {
    pid_t pid;
    int orders, answers; /* the caller's ends */
    size_t item;
    bool busy;
};

struct pool {
    unsigned size;
    struct worker workers[];
};

static ssize_t again_read(int fd, void *buffer, size_t size)
{
    ssize_t n;
    while ((n = read(fd, buffer, size)) == -1 && errno == EINTR) {}
    return n;
}

static ssize_t again_write(int fd, const void *buffer, size_t size)
{
    ssize_t n;
    while ((n = write(fd, buffer, size)) == -1 && errno == EINTR) {}
    return n;
}

static _Noreturn void serve(int in, int out)
{
    struct order o;
    while (again_read(in, &o, sizeof o) == sizeof o) {
        int64_t result = o.fn(o.input);
        if (again_write(out, &result, sizeof result) != sizeof result)
            break;
    }
    _exit(0);
}

static bool hire(struct pool *pool, struct worker *w)
{
    int down[2], up[2];
    if (pipe(down) == -1)
        return false;
    if (pipe(up) == -1) {
        close(down[0]);
        close(down[1]);
        return false;
    }
    w->pid = fork();
    if (w->pid == 0) {
        for (struct worker *other = pool->workers; other < pool->workers + pool->size; other++)
            if (other != w && other->orders != NONE) {
                close(other->orders);
                close(other->answers);
            }
        close(down[1]);
        close(up[0]);
        serve(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    if (w->pid == -1) {
        close(down[1]);
        close(up[0]);
        return false;
    }
    w->orders = down[1];
    w->answers = up[0];
    w->busy = false;
    return true;
}

static void dismiss(struct worker *w)
{
    close(w->orders);
    close(w->answers);
    w->orders = w->answers = NONE;
    while (waitpid(w->pid, NULL, 0) == -1 && errno == EINTR) {}
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof *pool + workers * sizeof pool->workers[0]);
    if (!pool)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    pool->size = workers;
    for (unsigned i = 0; i < workers; i++)
        pool->workers[i].orders = pool->workers[i].answers = NONE;
    for (unsigned i = 0; i < workers; i++)
        if (!hire(pool, &pool->workers[i])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

static bool give(struct pool *pool, struct worker *w, pool_fn *fn, int64_t input, size_t item)
{
    struct order o;
    memset(&o, 0, sizeof o);
    o.fn = fn;
    o.input = input;
    while (again_write(w->orders, &o, sizeof o) != sizeof o) {
        dismiss(w);
        if (!hire(pool, w))
            return false;
    }
    w->item = item;
    w->busy = true;
    return true;
}

/* A worker that was killed while it was idle may have swallowed no order: its end of the answers is at its end. */
static void replace_idle_dead(struct pool *pool)
{
    for (unsigned i = 0; i < pool->size; i++) {
        struct worker *w = &pool->workers[i];
        struct pollfd look = {.fd = w->answers, .events = POLLIN};
        if (w->orders == NONE || (!w->busy && poll(&look, 1, 0) == 1 && look.revents != 0)) {
            if (w->orders != NONE)
                dismiss(w);
            hire(pool, w);
        }
    }
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t given = 0, over = 0, lost = 0;
    struct pollfd look[64];
    replace_idle_dead(pool);
    while (over < count) {
        for (unsigned i = 0; i < pool->size; i++) {
            struct worker *w = &pool->workers[i];
            if (!w->busy && given < count && w->orders != NONE && give(pool, w, fn, inputs[given], given))
                given++;
            look[i] = (struct pollfd){.fd = w->busy ? w->answers : -1, .events = POLLIN};
        }
        if (poll(look, pool->size, -1) <= 0)
            continue;
        for (unsigned i = 0; i < pool->size; i++) {
            struct worker *w = &pool->workers[i];
            int64_t result;
            if (!w->busy || look[i].revents == 0)
                continue;
            w->busy = false;
            over++;
            failed[w->item] = again_read(w->answers, &result, sizeof result) != sizeof result;
            if (!failed[w->item]) {
                outputs[w->item] = result;
            } else {
                lost++;
                dismiss(w);
                hire(pool, w);
            }
        }
    }
    return lost;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->size; i++)
        if (pool->workers[i].orders != NONE)
            dismiss(&pool->workers[i]);
    free(pool);
}
