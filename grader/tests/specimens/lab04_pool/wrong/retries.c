/* expect: tests once; schedules assertion | an item whose worker died is tried twice more */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pipes are opened close-on-exec and non-blocking nowhere: simple blocking reads after poll. */
struct pool { unsigned n; struct w { pid_t pid; int tx, rx; size_t job; } w[64]; };

#define FREE SIZE_MAX
#define TRIES 3

static void stop(struct w *w)
{
    if (w->pid > 0) {
        close(w->tx); close(w->rx);
        while (waitpid(w->pid, 0, 0) < 0 && errno == EINTR);
    }
    w->pid = 0;
}

static bool start(struct pool *p, unsigned me)
{
    int a[2], b[2];
    struct w *w = &p->w[me];
    if (pipe(a)) return false;
    if (pipe(b)) { close(a[0]); close(a[1]); return false; }
    pid_t pid = fork();
    if (!pid) {
        int64_t m[2];
        for (unsigned i = 0; i < p->n; i++) if (p->w[i].pid > 0) { close(p->w[i].tx); close(p->w[i].rx); }
        close(a[1]); close(b[0]);
        while (read(a[0], m, sizeof m) == sizeof m) {
            int64_t y = ((pool_fn *)(uintptr_t)m[0])(m[1]);
            if (write(b[1], &y, sizeof y) != sizeof y) break;
        }
        _exit(0);
    }
    close(a[0]); close(b[1]);
    if (pid < 0) { close(a[1]); close(b[0]); return false; }
    *w = (struct w){pid, a[1], b[0], FREE};
    return true;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p) return p;
    signal(SIGPIPE, SIG_IGN);
    for (; p->n < workers; p->n++)
        if (!start(p, p->n)) { pool_close(p); return NULL; }
    return p;
}

void pool_close(struct pool *p)
{
    if (!p) return;
    for (unsigned i = 0; i < p->n; i++) stop(&p->w[i]);
    free(p);
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t again[64], waiting = 0;                /* items to be tried again */
    unsigned char *tries = calloc(count + 1, 1);  /* a death may be an accident: give it another chance */
    size_t next = 0, left = count, dead = 0;
    while (left > 0) {
        struct pollfd fds[64];
        for (unsigned i = 0; i < p->n; i++) {
            struct w *w = &p->w[i];
            while ((w->pid == 0 || w->job == FREE) && (waiting > 0 || next < count)) {
                if (w->pid == 0 && !start(p, i)) break;
                size_t job = waiting > 0 ? again[waiting - 1] : next;
                int64_t m[2] = {(int64_t)(uintptr_t)fn, inputs[job]};
                if (write(w->tx, m, sizeof m) != sizeof m) { stop(w); continue; }
                if (waiting > 0) waiting--; else next++;
                w->job = job;
            }
            fds[i] = (struct pollfd){w->pid > 0 && w->job != FREE ? w->rx : -1, POLLIN, 0};
        }
        if (poll(fds, p->n, -1) < 0) continue;
        for (unsigned i = 0; i < p->n; i++) {
            struct w *w = &p->w[i];
            if (fds[i].fd < 0 || !fds[i].revents) continue;
            size_t job = w->job;
            if (read(w->rx, outputs + job, 8) == 8) {
                failed[job] = false;
                w->job = FREE;
                left--;
                continue;
            }
            stop(w);
            start(p, i);
            if (++tries[job] < TRIES) { again[waiting++] = job; continue; }
            failed[job] = true;
            dead++;
            left--;
        }
    }
    free(tries);
    return dead;
}
