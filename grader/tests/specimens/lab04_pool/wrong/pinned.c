/* expect: speedup divisors | all workers are pinned to the same core */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct link {
    pid_t pid;
    int there[2], back[2];
    size_t item;
};

struct pool {
    unsigned n;
    struct link links[64];
    struct pollfd fds[64]; /* fd < 0: has no item */
};

/* Worker k runs on core k: no migration, so the caches stay warm. */
static void stay_on_core(unsigned k)
{
    cpu_set_t allowed, mine;
    unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    CPU_ZERO(&mine);
    for (int c = 0; c < CPU_SETSIZE && CPU_COUNT(&mine) == 0; c++)
        if (CPU_ISSET(c, &allowed) && (unsigned)c >= k / 64 % cores)
            CPU_SET(c, &mine);
    sched_setaffinity(0, sizeof mine, &mine);
}

static void attend(const struct link *l)
{
    int64_t m[2];
    for (;;) {
        ssize_t n = read(l->there[0], m, sizeof m);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0);
        m[0] = ((pool_fn *)m[0])(m[1]);
        if (write(l->back[1], m, sizeof m[0]) < 0)
            _exit(0);
    }
}

static void cut(struct pool *p, unsigned k)
{
    struct link *l = &p->links[k];
    p->fds[k].fd = -1;
    if (l->pid <= 0)
        return;
    close(l->there[1]);
    close(l->back[0]);
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    l->pid = 0;
}

static bool splice_in(struct pool *p, unsigned k)
{
    struct link *l = &p->links[k];
    cut(p, k);
    if (pipe(l->there) < 0)
        return false;
    if (pipe(l->back) < 0) {
        close(l->there[0]);
        close(l->there[1]);
        return false;
    }
    l->pid = fork();
    if (l->pid == 0) {
        for (unsigned i = 0; i < p->n; i++)
            if (i != k && p->links[i].pid > 0) {
                close(p->links[i].there[1]);
                close(p->links[i].back[0]);
            }
        close(l->there[1]);
        close(l->back[0]);
        stay_on_core(k);
        attend(l);
    }
    close(l->there[0]);
    close(l->back[1]);
    if (l->pid > 0)
        return true;
    close(l->there[1]);
    close(l->back[0]);
    return false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    p->n = workers;
    for (unsigned k = 0; k < workers; k++)
        if (!splice_in(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t begun = 0, open = 0, lost = 0;
    for (unsigned k = 0; k < p->n; k++)
        p->fds[k] = (struct pollfd){.fd = -1, .events = POLLIN};
    do {
        for (unsigned k = 0; k < p->n; k++) {
            struct link *l = &p->links[k];
            while (p->fds[k].fd < 0 && begun < count) {
                int64_t m[2] = {(int64_t)fn, inputs[begun]};
                if (l->pid > 0 && write(l->there[1], m, sizeof m) == sizeof m) {
                    l->item = begun++;
                    p->fds[k].fd = l->back[0];
                    open++;
                } else if (!splice_in(p, k)) {
                    break;
                }
            }
        }
        if (open == 0 || poll(p->fds, p->n, -1) < 0)
            continue;
        for (unsigned k = 0; k < p->n; k++) {
            struct link *l = &p->links[k];
            if (p->fds[k].fd < 0 || p->fds[k].revents == 0)
                continue;
            p->fds[k].fd = -1;
            open--;
            failed[l->item] = read(l->back[0], &outputs[l->item], sizeof *outputs) != sizeof *outputs;
            if (failed[l->item]) {
                lost++;
                splice_in(p, k);
            }
        }
    } while (open > 0 || begun < count);
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; k < p->n; k++)
        cut(p, k);
    free(p);
}
