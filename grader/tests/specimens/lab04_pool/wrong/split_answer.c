/* expect: tests hangs; schedules lost-wake-up | a worker writes where its result belongs into the common pipe before it works and the result after: those of two workers mix */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 *            task pipe of each worker             one pipe for all results
 *   caller ------------------------> worker ------------------------------> caller
 *
 * A third pipe per worker carries nothing: it breaks when the worker dies.
 */

enum { READ, WRITE, NOBODY = -1 };

struct task { pool_fn *fn; int64_t input, *where; };
struct answer { int64_t *where, result; };

struct pool {
    int count, results[2];
    struct worker { pid_t pid; int task, pulse; long item; } worker[64];
};

static ssize_t get(int fd, void *data, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, (char *)data + got, size - got);
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static ssize_t put(int fd, const void *data, size_t size)
{
    ssize_t n;
    while ((n = write(fd, data, size)) < 0 && errno == EINTR)
        ;
    return n;
}

static void worker(int tasks, int results)
{
    struct task t;
    while (get(tasks, &t, sizeof t) == 0) {
        put(results, &t.where, sizeof t.where);
        int64_t result = t.fn(t.input);
        put(results, &result, sizeof result);
    }
    _exit(0);
}

static void let_go(struct worker *w)
{
    if (w->pid == NOBODY)
        return;
    close(w->task);
    close(w->pulse);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    w->pid = NOBODY;
}

static int take_on(struct pool *p, struct worker *w)
{
    int task[2], pulse[2];
    w->item = NOBODY;
    if (pipe(task) < 0)
        return -1;
    if (pipe(pulse) < 0 || (w->pid = fork()) < 0) {
        close(task[READ]);
        close(task[WRITE]);
        w->pid = NOBODY;
        return -1;
    }
    if (w->pid == 0) {
        for (struct worker *o = p->worker; o < p->worker + p->count; o++)
            if (o != w && o->pid > 0) {
                close(o->task);
                close(o->pulse);
            }
        close(task[WRITE]);
        close(pulse[READ]);
        close(p->results[READ]);
        worker(task[READ], p->results[WRITE]);
    }
    close(task[READ]);
    close(pulse[WRITE]);
    w->task = task[WRITE];
    w->pulse = pulse[READ];
    return 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL || pipe(p->results) < 0) {
        free(p);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    for (; p->count < (int)workers; p->count++)
        if (take_on(p, &p->worker[p->count]) < 0) {
            pool_close(p);
            return NULL;
        }
    return p;
}

static void hand_out(struct pool *p, struct worker *w, struct task t, size_t *next)
{
    for (int tries = 0; tries < 2 && w->item == NOBODY; tries++) {
        if (w->pid == NOBODY && take_on(p, w) < 0)
            return;
        if (put(w->task, &t, sizeof t) > 0)
            w->item = (long)(*next)++;
        else
            let_go(w);
    }
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, over = 0, lost = 0;
    while (over < count) {
        struct pollfd fds[65];
        for (int i = 0; i < p->count; i++) {
            if (p->worker[i].item == NOBODY && next < count)
                hand_out(p, &p->worker[i], (struct task){fn, inputs[next], &outputs[next]}, &next);
            fds[i] = (struct pollfd){.fd = p->worker[i].item != NOBODY ? p->worker[i].pulse : -1, .events = POLLIN};
        }
        fds[p->count] = (struct pollfd){.fd = p->results[READ], .events = POLLIN};
        if (poll(fds, (nfds_t)p->count + 1, -1) < 0)
            continue;
        for (int i = 0; i < p->count; i++) { /* the dead; such a worker has only told where */
            int64_t *where;
            if (!fds[i].revents || get(p->results[READ], &where, sizeof where) < 0)
                continue;
            failed[p->worker[i].item] = true;
            over++;
            lost++;
            let_go(&p->worker[i]);
            take_on(p, &p->worker[i]);
            fds[p->count].revents = 0;
        }
        struct answer a;
        if (!fds[p->count].revents || get(p->results[READ], &a, sizeof a) < 0)
            continue;
        for (int i = 0; i < p->count; i++)
            if (p->worker[i].item != NOBODY && a.where == &outputs[p->worker[i].item]) {
                *a.where = a.result;
                failed[p->worker[i].item] = false;
                p->worker[i].item = NOBODY;
                over++;
            }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < p->count; i++)
        let_go(&p->worker[i]);
    close(p->results[READ]);
    close(p->results[WRITE]);
    free(p);
}
