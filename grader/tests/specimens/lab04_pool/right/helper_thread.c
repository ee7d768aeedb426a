/* expect: right | the whole call runs in a thread made for it, with all signals blocked: no EINTR, and a SIGPIPE stays pending in it and goes with it; workers forked by it get the caller's mask back */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct member {
    pid_t pid;
    int order, result;
    size_t item;
    enum { AWAY, FREE, WORKING } state;
};

struct pool {
    unsigned n;
    struct member m[64];
};

struct call {
    struct pool *p;
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    bool *failed;
    size_t count, lost;
    sigset_t callers;
};

struct order {
    pool_fn *fn;
    int64_t number;
};

static void work(int order, int result)
{
    for (;;) {
        struct order o;
        ssize_t r = read(order, &o, sizeof o);
        if (r < 0 && errno == EINTR)
            continue;
        if (r != (ssize_t)sizeof o)
            _exit(0);
        int64_t y = o.fn(o.number);
        while ((r = write(result, &y, sizeof y)) < 0 && errno == EINTR)
            continue;
        if (r < 0)
            _exit(0);
    }
}

static bool engage(struct pool *p, struct member *m, const sigset_t *mask)
{
    int o[2], r[2];
    if (pipe(o) != 0)
        return false;
    if (pipe(r) != 0) {
        close(o[0]), close(o[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned k = 0; k < p->n; k++)
            if (p->m[k].state != AWAY)
                close(p->m[k].order), close(p->m[k].result);
        close(o[1]), close(r[0]);
        if (mask != NULL)
            pthread_sigmask(SIG_SETMASK, mask, NULL);
        work(o[0], r[1]);
    }
    close(o[0]), close(r[1]);
    if (pid < 0) {
        close(o[1]), close(r[0]);
        return false;
    }
    *m = (struct member){.pid = pid, .order = o[1], .result = r[0], .state = FREE};
    return true;
}

static void release(struct member *m)
{
    close(m->order), close(m->result);
    while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    m->state = AWAY;
}

static void *conduct(void *arg)
{
    struct call *c = arg;
    struct pool *p = c->p;
    size_t next = 0, done = 0;
    bool barred[64] = {0};
    while (done < c->count) {
        struct pollfd f[64];
        unsigned working = 0;
        for (unsigned k = 0; k < p->n; k++) {
            struct member *m = &p->m[k];
            while (m->state != WORKING && next < c->count && !barred[k]) {
                if (m->state == AWAY && !engage(p, m, &c->callers)) {
                    barred[k] = true;
                    break;
                }
                struct order o = {c->fn, c->inputs[next]};
                if (write(m->order, &o, sizeof o) == (ssize_t)sizeof o) {
                    m->state = WORKING;
                    m->item = next++;
                } else {
                    release(m);
                }
            }
            f[k] = (struct pollfd){m->state == WORKING ? m->result : -1, POLLIN, 0};
            working += m->state == WORKING;
        }
        if (working == 0) {
            for (; next < c->count; next++, done++, c->lost++)
                c->failed[next] = true;
            break;
        }
        if (poll(f, p->n, -1) < 0)
            continue;
        for (unsigned k = 0; k < p->n; k++) {
            struct member *m = &p->m[k];
            int64_t y;
            if (f[k].revents == 0)
                continue;
            ssize_t r;
            while ((r = read(m->result, &y, sizeof y)) < 0 && errno == EINTR)
                continue;
            c->failed[m->item] = r != (ssize_t)sizeof y;
            if (c->failed[m->item]) {
                c->lost++;
                release(m);
            } else {
                c->outputs[m->item] = y;
                m->state = FREE;
            }
            done++;
        }
    }
    return NULL;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    for (unsigned k = 0; k < workers; k++)
        if (!engage(p, &p->m[k], NULL)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct call c = {p, fn, inputs, outputs, failed, count, 0, {{0}}};
    sigset_t all;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &c.callers);
    int no = pthread_create(&thread, NULL, conduct, &c);
    if (no == 0) {
        pthread_sigmask(SIG_SETMASK, &c.callers, NULL);
        pthread_join(thread, NULL);
        return c.lost;
    }
    /* no thread to be had: in this one, with SIGPIPE blocked */
    sigset_t pipes, mask = c.callers, pending;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    sigaddset(&mask, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    conduct(&c);
    if (!sigismember(&pending, SIGPIPE)) {
        int r;
        do {
            r = sigtimedwait(&pipes, NULL, &(struct timespec){0, 0});
        } while (r == SIGPIPE || (r < 0 && errno == EINTR));
    }
    pthread_sigmask(SIG_SETMASK, &c.callers, NULL);
    return c.lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; k < p->n; k++)
        if (p->m[k].state != AWAY)
            release(&p->m[k]);
    free(p);
}
