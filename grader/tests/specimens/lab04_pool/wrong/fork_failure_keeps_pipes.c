/* expect: tests descriptors | when fork fails, two of the four pipe ends just made stay open */
#define _GNU_SOURCE
#include "pool.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pool {
    unsigned n;
    pid_t pid[64];               /* 0 = hole */
    int to[64], to_copy[64], from[64];
    atomic_int *busy;            /* shared: worker k sets busy[k] when it starts on an order */
};

struct msg { pool_fn *fn; int64_t v; };

/* forks workers into the first `wanted` holes; false if one could not be made */
static bool top_up(struct pool *p, size_t wanted)
{
    for (unsigned k = 0; k < p->n && wanted > 0; k++) {
        int a[2], b[2];
        if (p->pid[k]) continue;
        if (pipe2(a, O_CLOEXEC)) return false;
        if (pipe2(b, O_CLOEXEC)) goto close_a;
        atomic_store(&p->busy[k], 0);
        pid_t me = getpid(), c = fork();
        if (c < 0) goto close_a;
        if (c > 0) {
            close(b[1]);
            p->pid[k] = c;
            p->to[k] = a[1];
            p->to_copy[k] = a[0];
            p->from[k] = b[0];
            wanted--;
            continue;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != me) _exit(0);
        for (unsigned i = 0; i < p->n; i++)
            if (p->pid[i]) close(p->to[i]), close(p->to_copy[i]), close(p->from[i]);
        close(a[1]);
        close(b[0]);
        for (;;) {
            struct msg m;
            ssize_t r = read(a[0], &m, sizeof m);
            if (r < 0 && errno == EINTR) continue;
            if (r != (ssize_t)sizeof m || !m.fn) _exit(0);
            atomic_store(&p->busy[k], 1);
            m.v = m.fn(m.v);
            do r = write(b[1], &m.v, sizeof m.v); while (r < 0 && errno == EINTR);
            if (r < 0) _exit(0);
        }
    close_a:
        close(a[0]), close(a[1]);
        return false;
    }
    return true;
}

static void drop(struct pool *p, unsigned k)
{
    close(p->to[k]), close(p->to_copy[k]), close(p->from[k]);
    p->pid[k] = 0;
}

static void send_order(int fd, pool_fn *fn, int64_t v)
{
    struct msg m = {fn, v};
    while (write(fd, &m, sizeof m) < 0 && errno == EINTR) ;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->n = workers;
    p->busy = mmap(0, 64 * sizeof *p->busy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->busy == MAP_FAILED) {
        free(p);
        return NULL;
    }
    if (!top_up(p, workers)) {
        pool_close(p);
        return NULL;
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t lost = 0, next = 0, flying = 0, nredo = 0, redo[64], item[64];
    bool has[64] = {false};
    unsigned k;
    pid_t r;

sweep:
    /* at the start: make holes of those who died between calls; at the end: leave no zombie */
    for (k = 0; k < p->n; k++) {
        if (!p->pid[k]) continue;
        do r = waitpid(p->pid[k], NULL, WNOHANG); while (r < 0 && errno == EINTR);
        if (r) drop(p, k);
    }
    if (next == count && nredo == 0 && flying == 0) return lost;

round:
    if (next < count || nredo > 0) {
        size_t idle = 0, open = count - next + nredo;
        for (k = 0; k < p->n; k++) idle += p->pid[k] && !has[k];
        if (open > idle) top_up(p, open - idle);
    }
    for (k = 0; k < p->n && (next < count || nredo > 0); k++) {
        if (!p->pid[k] || has[k]) continue;
        item[k] = nredo ? redo[--nredo] : next++;
        has[k] = true;
        flying++;
        atomic_store(&p->busy[k], 0);
        send_order(p->to[k], fn, inputs[item[k]]);
    }
    if (flying == 0) {
        if (next == count && nredo == 0) goto sweep;
        nanosleep(&(struct timespec){0, 1000000}, NULL);  /* no worker and no process to be had */
        goto round;
    }
    struct pollfd f[64];
    for (k = 0; k < p->n; k++) f[k] = (struct pollfd){p->pid[k] ? p->from[k] : -1, POLLIN, 0};
    if (poll(f, p->n, -1) < 0) goto round;
    for (k = 0; k < p->n; k++) {
        int64_t v;
        ssize_t s;
        if (f[k].fd < 0 || !f[k].revents) continue;
        do s = read(p->from[k], &v, sizeof v); while (s < 0 && errno == EINTR);
        if (s == (ssize_t)sizeof v) {
            outputs[item[k]] = v;
            failed[item[k]] = false;
            has[k] = false;
            flying--;
            continue;
        }
        kill(p->pid[k], SIGKILL);  /* even if it only closed its descriptors it can never answer again */
        while (waitpid(p->pid[k], NULL, 0) < 0 && errno == EINTR) ;
        drop(p, k);
        if (!has[k]) continue;
        has[k] = false;
        flying--;
        if (atomic_load(&p->busy[k])) {
            failed[item[k]] = true;
            lost++;
        } else {
            redo[nredo++] = item[k];
        }
    }
    goto round;
}

void pool_close(struct pool *p)
{
    if (!p) return;
    for (unsigned k = 0; k < p->n; k++) {
        if (!p->pid[k]) continue;
        send_order(p->to[k], NULL, 0);
        while (waitpid(p->pid[k], NULL, 0) < 0 && errno == EINTR) ;
        drop(p, k);
    }
    munmap(p->busy, 64 * sizeof *p->busy);
    free(p);
}
