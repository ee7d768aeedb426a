/* expect: right | orders in a pipe for each worker, results in one for all, and a third kind whose end of file is a worker's death */
#define _GNU_SOURCE
#include "pool.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct { pool_fn *fn; int64_t input; } Order;
typedef enum { STARTED = 1, FINISHED = 2 } Phase;
typedef struct { int64_t value; uint32_t who; uint32_t phase; } Result;
static_assert(sizeof(Result) <= PIPE_BUF, "a result must be written in one piece");

typedef struct {
    pid_t pid;
    int order_in;  /* the caller's copy of the worker's end: writing never raises SIGPIPE */
    int order_out;
    int life;      /* -1: no worker */
    size_t item;
    unsigned phase;
    bool has_item;
} Worker;

struct pool {
    unsigned n;
    int result_in, result_out; /* the caller keeps result_in open to give it to later workers */
    Worker w[];
};

static void close2(int fd[2]) { close(fd[0]); close(fd[1]); }

static bool whole_read(int fd, void *p, size_t n)
{
    ssize_t r;
    while ((r = read(fd, p, n)) < 0 && errno == EINTR) { }
    return r == (ssize_t)n;
}

static bool whole_write(int fd, const void *p, size_t n)
{
    ssize_t r;
    while ((r = write(fd, p, n)) < 0 && errno == EINTR) { }
    return r == (ssize_t)n;
}

_Noreturn static void live(uint32_t who, int in, int out)
{
    Order o;
    while (whole_read(in, &o, sizeof o) && o.fn) {
        Result r = { 0, who, STARTED };
        if (!whole_write(out, &r, sizeof r)) break;
        r.value = o.fn(o.input);
        r.phase = FINISHED;
        if (!whole_write(out, &r, sizeof r)) break;
    }
    _exit(0);
}

static bool born(struct pool *p, unsigned k)
{
    int order[2], life[2];
    if (pipe2(order, O_CLOEXEC)) return false;
    if (pipe2(life, O_CLOEXEC)) { close2(order); return false; }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) { close2(order); close2(life); return false; }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        for (unsigned i = 0; i < p->n; i++) {
            if (p->w[i].life < 0) continue;
            close(p->w[i].life);
            close(p->w[i].order_in);
            close(p->w[i].order_out);
        }
        close(p->result_out);
        close(order[1]);
        close(life[0]); /* life[1] stays open, unused, until the end */
        live(k, order[0], p->result_in);
    }
    close(life[1]);
    p->w[k] = (Worker){ .pid = pid, .order_in = order[0], .order_out = order[1], .life = life[0] };
    return true;
}

static void died(Worker *w)
{
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) { }
    close(w->life);
    close(w->order_in);
    close(w->order_out);
    w->life = -1;
}

static bool is_dead(const Worker *w)
{
    struct pollfd p = { .fd = w->life };
    int r;
    while ((r = poll(&p, 1, 0)) < 0 && errno == EINTR) { }
    return r == 1;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p + workers * sizeof *p->w);
    int result[2];
    if (!p) return NULL;
    if (pipe2(result, O_CLOEXEC)) { free(p); return NULL; }
    p->n = workers;
    p->result_out = result[0];
    p->result_in = result[1];
    for (unsigned i = 0; i < workers; i++) p->w[i].life = -1;
    for (unsigned i = 0; i < workers; i++)
        if (!born(p, i)) { pool_close(p); return NULL; }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, left = count, lost = 0, again[64];
    unsigned agains = 0;

    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].life >= 0 && is_dead(&p->w[i])) died(&p->w[i]);

    while (left > 0) {
        struct pollfd fds[65];
        bool anybody = false;
        for (unsigned i = 0; i < p->n; i++) {
            Worker *w = &p->w[i];
            fds[i] = (struct pollfd){ .fd = -1 };
            if (w->life < 0 && !born(p, i)) continue;
            anybody = true;
            fds[i].fd = w->life; /* POLLHUP comes unasked */
            if (w->has_item || (agains == 0 && next == count)) continue;
            w->item = agains ? again[--agains] : next++;
            w->has_item = true;
            w->phase = 0;
            whole_write(w->order_out, &(Order){ fn, inputs[w->item] }, sizeof(Order));
        }
        fds[p->n] = (struct pollfd){ .fd = p->result_out, .events = POLLIN };
        if (!anybody) {
            nanosleep(&(struct timespec){ 0, 4000000 }, NULL);
            continue;
        }
        if (poll(fds, p->n + 1, -1) < 0) continue;

        /* All that the dead have said is in the pipe already: read it before their items are judged.
         * The pipe may have got it after this poll had looked at it, so it is asked again each time. */
        for (;;) {
            struct pollfd q = { .fd = p->result_out, .events = POLLIN };
            Result r;
            int ready = poll(&q, 1, 0);
            if (ready < 0) continue;
            if (ready == 0 || !whole_read(p->result_out, &r, sizeof r)) break;
            Worker *w = &p->w[r.who];
            w->phase = r.phase;
            if (r.phase != FINISHED) continue;
            outputs[w->item] = r.value;
            failed[w->item] = false;
            w->has_item = false;
            left--;
        }
        for (unsigned i = 0; i < p->n; i++) {
            Worker *w = &p->w[i];
            if (fds[i].fd < 0 || fds[i].revents == 0) continue;
            died(w);
            if (!w->has_item) continue;
            w->has_item = false;
            if (w->phase == STARTED) {
                failed[w->item] = true;
                lost++;
                left--;
            } else {
                again[agains++] = w->item;
            }
        }
    }

    for (unsigned i = 0; i < p->n; i++) {
        if (p->w[i].life >= 0 && is_dead(&p->w[i])) died(&p->w[i]);
        if (p->w[i].life < 0) born(p, i);
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p) return;
    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].life >= 0) whole_write(p->w[i].order_out, &(Order){ NULL, 0 }, sizeof(Order));
    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].life >= 0) died(&p->w[i]);
    close(p->result_in);
    close(p->result_out);
    free(p);
}
