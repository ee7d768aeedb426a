/* expect: tests any_number_is_a_result | the worker's pipes are put in the place of stdin and stdout, as a shell does: what fn prints is read as its answer */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

typedef struct Msg { pool_fn *fn; int64_t x; } Msg;
typedef struct Hand { pid_t pid; int to, from; size_t has; bool busy; } Hand;
struct pool { unsigned n; Hand h[64]; };

/* a pipe whose ends are none of 0, 1, 2 */
static int high_pipe(int e[2])
{
    int raw[2];
    if (pipe(raw) < 0) return -1;
    e[0] = fcntl(raw[0], F_DUPFD, 3);
    e[1] = fcntl(raw[1], F_DUPFD, 3);
    close(raw[0]);
    close(raw[1]);
    if (e[0] >= 0 && e[1] >= 0) return 0;
    if (e[0] >= 0) close(e[0]);
    if (e[1] >= 0) close(e[1]);
    return -1;
}

static int in_full(int fd, void *p, size_t n)
{
    size_t k = 0;
    while (k < n) {
        ssize_t r = read(fd, (char *)p + k, n - k);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return 0;
        k += (size_t)r;
    }
    return 1;
}

static int out_full(int fd, const void *p, size_t n)
{
    ssize_t r;
    do r = write(fd, p, n);
    while (r < 0 && errno == EINTR);
    return r == (ssize_t)n;
}

static int raise_one(struct pool *p, Hand *h)
{
    int a[2], b[2];
    h->pid = 0;
    h->busy = false;
    if (high_pipe(a) < 0) return 0;
    if (high_pipe(b) < 0) { close(a[0]); close(a[1]); return 0; }
    pid_t pid = fork();
    if (pid == 0) {
        Msg m;
        dup2(a[0], STDIN_FILENO);
        dup2(b[1], STDOUT_FILENO);
        close(a[0]); close(a[1]); close(b[0]); close(b[1]);
        for (unsigned i = 0; i < p->n; i++)
            if (p->h[i].pid > 0) { close(p->h[i].to); close(p->h[i].from); }
        while (in_full(STDIN_FILENO, &m, sizeof m)) {
            m.x = m.fn(m.x);
            if (!out_full(STDOUT_FILENO, &m.x, sizeof m.x)) break;
        }
        _exit(0);
    }
    close(a[0]); close(b[1]);
    if (pid < 0) { close(a[1]); close(b[0]); return 0; }
    h->pid = pid; h->to = a[1]; h->from = b[0];
    return 1;
}

static void lay_down(Hand *h)
{
    if (h->pid <= 0) return;
    close(h->to); close(h->from);
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {}
    h->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->n = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!raise_one(p, &p->h[i])) { pool_close(p); return NULL; }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    size_t next = 0, bad = 0, busy = 0;
    for (;;) {
        struct pollfd f[64];
        for (unsigned i = 0; i < p->n; i++) {
            Hand *h = &p->h[i];
            for (int t = 0; t < 2 && !h->busy && next < count; t++) {
                Msg m = { fn, inputs[next] };
                if (h->pid == 0 && !raise_one(p, h)) break;
                if (out_full(h->to, &m, sizeof m)) {
                    h->busy = true;
                    h->has = next++;
                    busy++;
                } else lay_down(h);
            }
            f[i] = (struct pollfd){ .fd = h->busy ? h->from : -1, .events = POLLIN };
        }
        if (busy == 0) break;
        if (poll(f, p->n, -1) < 0) continue;
        for (unsigned i = 0; i < p->n; i++) {
            Hand *h = &p->h[i];
            if (f[i].fd < 0 || !f[i].revents) continue;
            int64_t y;
            bool ok = in_full(h->from, &y, sizeof y);
            failed[h->has] = !ok;
            if (ok) outputs[h->has] = y;
            h->busy = false;
            busy--;
            if (!ok) { bad++; lay_down(h); raise_one(p, h); }
        }
    }
    for (; next < count; next++) { failed[next] = true; bad++; }
    signal(SIGPIPE, before);
    return bad;
}

void pool_close(struct pool *p)
{
    if (!p) return;
    for (unsigned i = 0; i < p->n; i++) lay_down(&p->h[i]);
    free(p);
}
