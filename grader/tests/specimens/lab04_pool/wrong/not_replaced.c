/* expect: tests whole; schedules assertion | dead workers are not replaced, the pool shrinks */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct crew_member {
    struct crew_member *next;   /* in the list of all */
    struct crew_member *idle;   /* in the list of those with nothing to do */
    pid_t pid;
    int orders, results;
    size_t item;
} member;

struct pool {
    member *all, *idle;
    int events;
};

static int full(ssize_t n, size_t wanted) { return n == (ssize_t)wanted; }

static member *recruit(member *others, int events)
{
    int o[2] = {-1, -1}, r[2] = {-1, -1};
    member *m = malloc(sizeof *m);
    if (m == NULL || pipe(o) != 0 || pipe(r) != 0)
        goto undo;
    m->pid = fork();
    if (m->pid < 0)
        goto undo;
    if (m->pid == 0) {
        struct { pool_fn *fn; int64_t arg; } order;
        for (; others; others = others->next) {
            close(others->orders);
            close(others->results);
        }
        close(events);
        close(o[1]);
        close(r[0]);
        while (full(read(o[0], &order, sizeof order), sizeof order)) {
            int64_t result = order.fn(order.arg);
            if (!full(write(r[1], &result, sizeof result), sizeof result))
                break;
        }
        _exit(0);
    }
    close(o[0]);
    close(r[1]);
    m->orders = o[1];
    m->results = r[0];
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = m};
    epoll_ctl(events, EPOLL_CTL_ADD, m->results, &e);
    return m;
undo:
    if (o[0] >= 0) {
        close(o[0]);
        close(o[1]);
    }
    if (r[0] >= 0) {
        close(r[0]);
        close(r[1]);
    }
    free(m);
    return NULL;
}

static void dismiss(struct pool *pool, member *gone)
{
    member **link = &pool->all;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    epoll_ctl(pool->events, EPOLL_CTL_DEL, gone->results, NULL); /* a worker may have the pipe open, too */
    close(gone->orders);
    close(gone->results);
    while (waitpid(gone->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(gone);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    signal(SIGPIPE, SIG_IGN);
    pool->events = epoll_create1(0);
    while (pool->events >= 0 && workers > 0) {
        member *m = recruit(pool->all, pool->events);
        if (m == NULL)
            break;
        m->next = pool->all;
        pool->all = m;
        m->idle = pool->idle;
        pool->idle = m;
        workers--;
    }
    if (workers > 0) {
        pool_close(pool);
        return NULL;
    }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, running = 0, failures = 0;
    for (;;) {
        while (pool->idle && next < count) {
            member *m = pool->idle;
            struct { pool_fn *fn; int64_t arg; } order = {fn, inputs[next]};
            pool->idle = m->idle;
            if (full(write(m->orders, &order, sizeof order), sizeof order)) {
                m->item = next++;
                running++;
            } else {
                dismiss(pool, m); /* one less */
            }
        }
        if (running == 0)
            break;
        struct epoll_event e;
        if (epoll_wait(pool->events, &e, 1, -1) != 1)
            continue;
        member *m = e.data.ptr;
        bool idle = false;
        for (member *i = pool->idle; i; i = i->idle)
            idle = idle || i == m;
        if (idle) { /* died in its sleep: out of both lists */
            member **link = &pool->idle;
            while (*link != m)
                link = &(*link)->idle;
            *link = m->idle;
            dismiss(pool, m);
            continue;
        }
        running--;
        failed[m->item] = !full(read(m->results, &outputs[m->item], 8), 8);
        if (failed[m->item]) {
            failures++;
            dismiss(pool, m);
        } else {
            m->idle = pool->idle;
            pool->idle = m;
        }
    }
    for (; next < count; next++) { /* nobody is left to do it */
        failed[next] = true;
        failures++;
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    while (pool->all)
        dismiss(pool, pool->all);
    if (pool->events >= 0)
        close(pool->events);
    free(pool);
}
