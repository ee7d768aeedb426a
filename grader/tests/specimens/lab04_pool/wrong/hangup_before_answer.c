/* expect: tests answer | a pipe with POLLHUP is taken for a lost item before it is read: the last answer of a dead worker is thrown away */
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

#define RETRY(var, call) do (var) = (call); while ((var) < 0 && errno == EINTR)
#define BIT(k) (UINT64_C(1) << (k))
#define EACH(k, mask) (uint64_t each_##k = (mask); each_##k != 0 && ((k) = (unsigned)__builtin_ctzll(each_##k), true); each_##k &= each_##k - 1)

struct order { pool_fn *fn; int64_t x; uint64_t serial; };

struct pool {
    uint64_t all;    /* every place */
    uint64_t alive;  /* places with a worker */
    uint64_t serial;
    pid_t pid[64];
    int in[64], out[64];
    _Atomic uint64_t *mark; /* shared: serial of the order that worker k has started last */
};

struct guard { sigset_t old; bool pending; };

static void guard_on(struct guard *g)
{
    sigset_t s;
    sigpending(&s);
    g->pending = sigismember(&s, SIGPIPE);
    sigemptyset(&s);
    sigaddset(&s, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &s, &g->old);
}

static void guard_off(struct guard *g, bool broken)
{
    if (broken && !g->pending) {
        sigset_t s;
        int r;
        sigemptyset(&s);
        sigaddset(&s, SIGPIPE);
        RETRY(r, sigtimedwait(&s, NULL, &(struct timespec){0, 0}));
    }
    pthread_sigmask(SIG_SETMASK, &g->old, NULL);
}

static bool tell(int fd, const struct order *o)
{
    struct guard g;
    ssize_t r;
    guard_on(&g);
    RETRY(r, write(fd, o, sizeof *o));
    bool ok = r == (ssize_t)sizeof *o;
    guard_off(&g, !ok && errno == EPIPE);
    return ok;
}

static bool fork_one(struct pool *p, unsigned k)
{
    int a[2], b[2];
    pid_t caller = getpid();
    unsigned i;
    if (pipe2(a, O_CLOEXEC) < 0)
        return false;
    if (pipe2(b, O_CLOEXEC) < 0) {
        close(a[0]), close(a[1]);
        return false;
    }
    pid_t c = fork();
    if (c == 0) {
        struct order o;
        ssize_t r;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != caller)
            _exit(0);
        close(a[1]), close(b[0]);
        for EACH(i, p->alive)
            close(p->in[i]), close(p->out[i]);
        for (;;) {
            RETRY(r, read(a[0], &o, sizeof o));
            if (r != (ssize_t)sizeof o || o.fn == NULL)
                _exit(0);
            atomic_store(&p->mark[k], o.serial);
            int64_t y = o.fn(o.x);
            RETRY(r, write(b[1], &y, sizeof y));
            if (r < 0)
                _exit(0);
        }
    }
    close(a[0]), close(b[1]);
    if (c < 0) {
        close(a[1]), close(b[0]);
        return false;
    }
    p->pid[k] = c, p->in[k] = a[1], p->out[k] = b[0];
    p->alive |= BIT(k);
    return true;
}

static void forget(struct pool *p, unsigned k)
{
    close(p->in[k]), close(p->out[k]);
    p->alive &= ~BIT(k);
}

static void finish(struct pool *p, unsigned k)
{
    pid_t r;
    RETRY(r, waitpid(p->pid[k], NULL, 0));
    forget(p, k);
}

static void look_round(struct pool *p)
{
    unsigned k;
    pid_t r;
    for EACH(k, p->alive) {
        RETRY(r, waitpid(p->pid[k], NULL, WNOHANG));
        if (r != 0)
            forget(p, k);
    }
    for EACH(k, p->all & ~p->alive)
        fork_one(p, k);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->all = ~UINT64_C(0) >> (64 - workers);
    p->mark = mmap(NULL, 64 * sizeof *p->mark, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->mark == MAP_FAILED) {
        free(p);
        return NULL;
    }
    unsigned k;
    for EACH(k, p->all)
        if (!fork_one(p, k)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    uint64_t busy = 0, serial[64];
    size_t item[64], next = 0, done = 0, lost = 0, stack[64], top = 0;
    unsigned k;

    look_round(p);
    while (done < count) {
        for EACH(k, p->all & ~p->alive)
            fork_one(p, k);
        for EACH(k, p->alive & ~busy) {
            if (top == 0 && next == count)
                break;
            item[k] = top > 0 ? stack[--top] : next++;
            serial[k] = ++p->serial;
            if (tell(p->in[k], &(struct order){fn, inputs[item[k]], serial[k]})) {
                busy |= BIT(k);
            } else { /* dead already: the item goes to another */
                stack[top++] = item[k];
                finish(p, k);
            }
        }
        if (p->alive == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            continue;
        }
        if (top > 0 && (p->alive & ~busy || p->alive != p->all))
            if (p->alive == p->all || fork_one(p, (unsigned)__builtin_ctzll(p->all & ~p->alive)))
                continue; /* there is an item and somebody for it */
        struct pollfd f[64];
        unsigned who[64], n = 0;
        for EACH(k, p->alive) {
            f[n] = (struct pollfd){.fd = p->out[k], .events = POLLIN};
            who[n++] = k;
        }
        if (poll(f, n, -1) < 0)
            continue;
        for (unsigned j = 0; j < n; j++) {
            int64_t y;
            ssize_t r;
            if (f[j].revents == 0)
                continue;
            k = who[j];
            r = -1;
            if (!(f[j].revents & POLLHUP))
                RETRY(r, read(p->out[k], &y, sizeof y));
            if (r == (ssize_t)sizeof y) {
                outputs[item[k]] = y;
                failed[item[k]] = false;
                busy &= ~BIT(k);
                done++;
                continue;
            }
            finish(p, k);
            if (!(busy & BIT(k)))
                continue;
            busy &= ~BIT(k);
            if (atomic_load(&p->mark[k]) == serial[k]) {
                failed[item[k]] = true;
                lost++;
                done++;
            } else {
                stack[top++] = item[k];
            }
        }
    }
    look_round(p);
    return lost;
}

void pool_close(struct pool *p)
{
    unsigned k;
    if (p == NULL)
        return;
    for EACH(k, p->alive)
        tell(p->in[k], &(struct order){NULL, 0, 0});
    for EACH(k, p->alive)
        finish(p, k);
    munmap(p->mark, 64 * sizeof *p->mark);
    free(p);
}
