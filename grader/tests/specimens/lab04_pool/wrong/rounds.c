/* expect: tests free; schedules lost-wake-up | gives one item to each worker and waits for all of them before the next round */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

typedef struct { pid_t pid; int w, r; } Worker;
typedef struct { pool_fn *f; int64_t v; } Task;

struct pool {
    int size;
    Worker *team;
};

static int readAll(int fd, void *p, int n)
{
    int got = 0;
    while (got < n) {
        int k = (int)read(fd, (char *)p + got, (size_t)(n - got));
        if (k == 0) return 0;
        if (k > 0) got += k;
        else if (errno != EINTR) return 0;
    }
    return 1;
}

static int writeAll(int fd, const void *p, int n)
{
    int put = 0;
    while (put < n) {
        int k = (int)write(fd, (const char *)p + put, (size_t)(n - put));
        if (k > 0) put += k;
        else if (errno != EINTR) return 0;
    }
    return 1;
}

static void workerMain(int r, int w)
{
    Task t;
    while (readAll(r, &t, sizeof(t))) {
        int64_t res = t.f(t.v);
        writeAll(w, &res, sizeof(res));
    }
    _exit(0);
}

static int startWorker(struct pool *pl, int nr)
{
    Worker *me = &pl->team[nr];
    int down[2], up[2];
    me->pid = 0;
    if (pipe(down) < 0) return 0;
    if (pipe(up) < 0) { close(down[0]); close(down[1]); return 0; }
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < pl->size; i++)
            if (pl->team[i].pid > 0) { close(pl->team[i].w); close(pl->team[i].r); }
        close(down[1]);
        close(up[0]);
        workerMain(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    if (pid < 0) { close(down[1]); close(up[0]); return 0; }
    me->pid = pid;
    me->w = down[1];
    me->r = up[0];
    return 1;
}

static void endWorker(Worker *x)
{
    if (x->pid <= 0) return;
    close(x->w);
    close(x->r);
    while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR) {}
    x->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pl = malloc(sizeof(struct pool));
    if (pl == NULL) return NULL;
    pl->team = calloc(workers, sizeof(Worker));
    pl->size = (int)workers;
    if (pl->team == NULL) { free(pl); return NULL; }
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < pl->size; i++)
        if (!startWorker(pl, i)) { pool_close(pl); return NULL; }
    return pl;
}

/* round 1: items 0..n-1, round 2: items n..2n-1, and so on. In a round all work at the same time. */
size_t pool_map(struct pool *pl, pool_fn *fn, const int64_t *in, int64_t *out, bool *failed, size_t count)
{
    size_t bad = 0;
    for (size_t base = 0; base < count; base += (size_t)pl->size) {
        int inRound = count - base < (size_t)pl->size ? (int)(count - base) : pl->size;
        for (int i = 0; i < inRound; i++) {
            Task t = { fn, in[base + (size_t)i] };
            if (pl->team[i].pid == 0) startWorker(pl, i);
            if (!writeAll(pl->team[i].w, &t, sizeof(t))) { /* died while it was idle */
                endWorker(&pl->team[i]);
                startWorker(pl, i);
                writeAll(pl->team[i].w, &t, sizeof(t));
            }
        }
        for (int i = 0; i < inRound; i++) {
            size_t k = base + (size_t)i;
            failed[k] = !readAll(pl->team[i].r, &out[k], sizeof(out[k]));
            if (failed[k]) {
                bad++;
                endWorker(&pl->team[i]);
                startWorker(pl, i);
            }
        }
    }
    return bad;
}

void pool_close(struct pool *pl)
{
    if (pl == NULL) return;
    for (int i = 0; i < pl->size; i++) endWorker(&pl->team[i]);
    free(pl->team);
    free(pl);
}
