/* expect: tests close_waits_for_workers_only | pool_close kills by pid, also where no process was to be had and the pid is 0: that is the whole process group with the caller */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 64

typedef struct { pid_t pid; int w, r; long item; } W;
struct pool { int n; W *v; };

/* 1: a whole line; 0: it ended before */
static int get_line(int fd, char *s)
{
    int n = 0;
    for (;;) {
        ssize_t k = read(fd, s + n, 1);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return 0;
        if (s[n] == '\n') { s[n] = 0; return 1; }
        if (++n == LINE) return 0;
    }
}

static int put_line(int fd, const char *s)
{
    size_t left = strlen(s);
    while (left > 0) {
        ssize_t k = write(fd, s, left);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return 0;
        s += k;
        left -= (size_t)k;
    }
    return 1;
}

static void child(int in, int out)
{
    char line[LINE + 1], *arg;
    while (get_line(in, line)) {
        pool_fn *f = (pool_fn *)(uintptr_t)strtoull(line, &arg, 16);
        long long y = f(strtoll(arg, NULL, 10));
        snprintf(line, sizeof line, "%lld\n", y);
        if (!put_line(out, line)) break;
    }
    _exit(0);
}

static int spawn(struct pool *p, int k)
{
    int a[2], b[2], j;
    p->v[k].pid = 0;
    p->v[k].item = -1;
    if (pipe(a) < 0) return 0;
    if (pipe(b) < 0) { close(a[0]); close(a[1]); return 0; }
    p->v[k].pid = fork();
    if (p->v[k].pid == 0) {
        for (j = 0; j < p->n; j++)
            if (j != k && p->v[j].pid > 0) { close(p->v[j].w); close(p->v[j].r); }
        close(a[1]); close(b[0]);
        child(a[0], b[1]);
    }
    close(a[0]); close(b[1]);
    if (p->v[k].pid < 0) { close(a[1]); close(b[0]); p->v[k].pid = 0; return 0; }
    p->v[k].w = a[1];
    p->v[k].r = b[0];
    return 1;
}

static void reap(W *w)
{
    close(w->w); close(w->r);
    while (waitpid(w->pid, 0, 0) < 0 && errno == EINTR) ;
    w->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    int k;
    if (!p) return 0;
    p->n = (int)workers;
    p->v = calloc(workers, sizeof *p->v);
    if (!p->v) { free(p); return 0; }
    signal(SIGPIPE, SIG_IGN);
    for (k = 0; k < p->n; k++)
        if (!spawn(p, k)) { pool_close(p); return 0; }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *in, int64_t *out, bool *failed, size_t count)
{
    struct pollfd f[64];
    char line[LINE + 1];
    size_t i = 0, done = 0, bad = 0;
    int k;

    while (done < count) {
        for (k = 0; k < p->n; k++) {
            W *w = &p->v[k];
            while (w->item < 0 && i < count) {
                struct pollfd dead = { w->r, POLLIN, 0 };
                if (w->pid > 0 && poll(&dead, 1, 0) == 0) {
                    snprintf(line, sizeof line, "%llx %lld\n", (unsigned long long)(uintptr_t)fn, (long long)in[i]);
                    if (put_line(w->w, line)) { w->item = (long)i++; break; }
                }
                if (w->pid > 0) reap(w);
                if (!spawn(p, k)) break;
            }
            f[k].fd = w->item >= 0 ? w->r : -1;
            f[k].events = POLLIN;
            f[k].revents = 0;
        }
        if (poll(f, (nfds_t)p->n, -1) < 0) continue;
        for (k = 0; k < p->n; k++) {
            W *w = &p->v[k];
            if (w->item < 0 || !f[k].revents) continue;
            if (get_line(w->r, line)) {
                out[w->item] = strtoll(line, 0, 10);
                failed[w->item] = false;
            } else {
                failed[w->item] = true;
                bad++;
                reap(w);
                spawn(p, k);
            }
            done++;
            w->item = -1;
        }
    }
    return bad;
}

void pool_close(struct pool *p)
{
    int k;
    if (!p) return;
    for (k = 0; k < p->n; k++) kill(p->v[k].pid, SIGKILL);
    for (k = 0; k < p->n; k++)
        if (p->v[k].pid > 0) reap(&p->v[k]);
    free(p->v);
    free(p);
}
