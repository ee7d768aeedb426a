/* expect: right | select, pipes made in advance, a message to quit, workers leave by exit */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 64

struct job {
    int quit;
    pool_fn *fn;
    size_t index;
    int64_t value;
};

struct pool {
    int n;
    int to[MAX][2], from[MAX][2];
    pid_t pid[MAX];
    int busy[MAX];
    size_t has[MAX];
};

static int full_read(int fd, void *p, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t k = read(fd, (char *)p + got, len - got);
        if (k == -1 && errno == EINTR)
            continue;
        if (k <= 0)
            return 0;
        got += (size_t)k;
    }
    return 1;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void worker(struct pool *p, int me)
{
    struct job j;
    for (int i = 0; i < p->n; i++) {
        shut(&p->to[i][1]);
        shut(&p->from[i][0]);
        if (i != me) {
            shut(&p->to[i][0]);
            shut(&p->from[i][1]);
        }
    }
    while (full_read(p->to[me][0], &j, sizeof j) && !j.quit) {
        j.value = j.fn(j.value);
        if (write(p->from[me][1], &j, sizeof j) != sizeof j)
            break;
    }
    exit(0);
}

static int fork_worker(struct pool *p, int i)
{
    p->busy[i] = 0;
    p->pid[i] = fork();
    if (p->pid[i] == 0)
        worker(p, i);
    shut(&p->to[i][0]);
    shut(&p->from[i][1]);
    return p->pid[i] > 0;
}

static void bury(struct pool *p, int i)
{
    shut(&p->to[i][1]);
    shut(&p->from[i][0]);
    if (p->pid[i] > 0)
        while (waitpid(p->pid[i], NULL, 0) == -1 && errno == EINTR)
            ;
    p->pid[i] = 0;
}

static int renew(struct pool *p, int i)
{
    bury(p, i);
    return pipe(p->to[i]) == 0 && pipe(p->from[i]) == 0 && fork_worker(p, i);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    int ok = p != NULL;
    if (!ok)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    p->n = (int)workers;
    for (int i = 0; i < p->n; i++)
        p->to[i][0] = p->to[i][1] = p->from[i][0] = p->from[i][1] = -1;
    for (int i = 0; i < p->n && ok; i++)
        ok = pipe(p->to[i]) == 0 && pipe(p->from[i]) == 0;
    for (int i = 0; i < p->n && ok; i++)
        ok = fork_worker(p, i);
    if (ok)
        return p;
    for (int i = 0; i < p->n; i++) {
        shut(&p->to[i][0]);
        shut(&p->from[i][1]);
    }
    pool_close(p);
    return NULL;
}

static int feed(struct pool *p, int i, pool_fn *fn, size_t index, int64_t value)
{
    struct job j = {0, fn, index, value};
    while (write(p->to[i][1], &j, sizeof j) != sizeof j)
        if (errno != EINTR && !renew(p, i))
            return 0;
    p->busy[i] = 1;
    p->has[i] = index;
    return 1;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t sent = 0, back = 0, bad = 0;
    while (back < count) {
        fd_set set;
        int max = -1;
        FD_ZERO(&set);
        for (int i = 0; i < p->n; i++) {
            if (!p->busy[i] && sent < count && feed(p, i, fn, sent, inputs[sent]))
                sent++;
            if (p->busy[i]) {
                FD_SET(p->from[i][0], &set);
                max = p->from[i][0] > max ? p->from[i][0] : max;
            }
        }
        if (max < 0) { /* no worker, and none to be had */
            failed[sent++] = true;
            bad++;
            back++;
            continue;
        }
        if (select(max + 1, &set, NULL, NULL, NULL) == -1)
            continue;
        for (int i = 0; i < p->n; i++) {
            struct job j;
            if (!p->busy[i] || !FD_ISSET(p->from[i][0], &set))
                continue;
            back++;
            p->busy[i] = 0;
            if (full_read(p->from[i][0], &j, sizeof j)) {
                outputs[j.index] = j.value;
                failed[j.index] = false;
            } else {
                failed[p->has[i]] = true;
                bad++;
                renew(p, i);
            }
        }
    }
    return bad;
}

void pool_close(struct pool *p)
{
    struct job quit = {.quit = 1};
    if (p == NULL)
        return;
    for (int i = 0; i < p->n; i++)
        if (p->pid[i] > 0 && write(p->to[i][1], &quit, sizeof quit) < 0)
            continue;
    for (int i = 0; i < p->n; i++)
        bury(p, i);
    free(p);
}
