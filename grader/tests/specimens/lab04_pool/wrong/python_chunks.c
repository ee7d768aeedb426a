/* expect: tests free_worker_gets_the_next_item | long lists are handed out in chunks, as Python's pool.map does: a worker has up to 32 items, those behind a slow one wait while others are free */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 32, MOST = 64 };

struct chunk {
    pool_fn *fn;
    size_t n;
    int64_t x[CHUNK];
};

struct hand {
    pid_t pid; /* 0: nobody */
    int in, out;
    size_t at, end; /* what it still owes: items at .. end - 1 */
};

struct pool {
    unsigned n;
    struct hand h[MOST];
};

static bool moved(ssize_t (*io)(int, void *, size_t), int fd, void *data, size_t size)
{
    for (char *p = data; size > 0;) {
        ssize_t k = io(fd, p, size);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        size -= (size_t)k;
    }
    return true;
}

static ssize_t out(int fd, void *p, size_t n)
{
    return write(fd, p, n);
}

static void labour(int in, int to)
{
    struct chunk c;
    while (moved(read, in, &c, sizeof c))
        for (size_t i = 0; i < c.n; i++) {
            int64_t y = c.fn(c.x[i]);
            if (!moved(out, to, &y, sizeof y))
                _exit(1);
        }
    _exit(0);
}

static bool engage(struct pool *p, struct hand *h)
{
    int a[2], b[2];
    if (pipe(a) < 0)
        return false;
    if (pipe(b) < 0) {
        close(a[0]), close(a[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < p->n; i++)
            if (p->h[i].pid > 0)
                close(p->h[i].in), close(p->h[i].out);
        close(a[1]), close(b[0]);
        labour(a[0], b[1]);
    }
    close(a[0]), close(b[1]);
    if (pid < 0) {
        close(a[1]), close(b[0]);
        return false;
    }
    h->pid = pid, h->in = a[1], h->out = b[0];
    return true;
}

static void dismiss(struct hand *h)
{
    if (h->pid <= 0)
        return;
    close(h->in), close(h->out);
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    h->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->n = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!engage(p, &p->h[i])) {
            pool_close(p);
            return NULL;
        }
    return p;
}

/* Gives what h owes to its process, a new one if need be. */
static bool send_chunk(struct pool *p, struct hand *h, pool_fn *fn, const int64_t *inputs)
{
    struct chunk c = {.fn = fn, .n = h->end - h->at};
    memcpy(c.x, inputs + h->at, c.n * sizeof c.x[0]);
    if (h->pid > 0 && moved(out, h->in, &c, sizeof c))
        return true;
    dismiss(h);
    return engage(p, h) && moved(out, h->in, &c, sizeof c);
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct sigaction quiet = {.sa_handler = SIG_IGN}, old;
    size_t next = 0, lost = 0;
    size_t chunk = count / (p->n * 16);
    chunk = chunk < 1 ? 1 : chunk > CHUNK ? CHUNK : chunk;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    for (unsigned i = 0; i < p->n; i++)
        p->h[i].at = p->h[i].end = 0;
    sigaction(SIGPIPE, &quiet, &old);
    bool sent[MOST] = {false};
    for (;;) {
        struct pollfd f[MOST];
        bool any = false;
        for (unsigned i = 0; i < p->n; i++) {
            struct hand *h = &p->h[i];
            if (h->at == h->end && next < count && (h->pid > 0 || engage(p, h))) {
                h->at = next;
                next = count - next < chunk ? count : next + chunk;
                h->end = next;
                sent[i] = false;
            }
            if (h->at < h->end && !sent[i])
                sent[i] = send_chunk(p, h, fn, inputs);
            f[i] = (struct pollfd){.fd = h->at < h->end && sent[i] ? h->out : -1, .events = POLLIN};
            any = any || f[i].fd >= 0;
        }
        if (!any)
            break;
        if (poll(f, p->n, -1) < 0)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            struct hand *h = &p->h[i];
            int64_t y;
            if (f[i].fd < 0 || !f[i].revents)
                continue;
            if (moved(read, h->out, &y, sizeof y)) {
                outputs[h->at++] = y;
                continue;
            }
            failed[h->at++] = true;
            lost++;
            dismiss(h);
            engage(p, h);
            sent[i] = false;
        }
    }
    for (unsigned i = 0; i < p->n; i++)
        while (p->h[i].at < p->h[i].end)
            failed[p->h[i].at++] = true, lost++;
    while (next < count)
        failed[next++] = true, lost++;
    sigaction(SIGPIPE, &old, NULL);
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        dismiss(&p->h[i]);
    free(p);
}
