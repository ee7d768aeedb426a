/* expect: tests made; schedules assertion | there are always four workers, whatever number is asked for */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pool(4), as in note 001 */
#define WORKERS 4

struct pool { pid_t pid[WORKERS]; int to[WORKERS], from[WORKERS]; };
struct order { pool_fn *fn; int64_t n; };

static int spawn(struct pool *p, int w)
{
    int in[2], out[2];
    struct order o;
    p->pid[w] = -1;
    if (pipe(in) < 0)
        return -1;
    if (pipe(out) < 0) {
        close(in[0]), close(in[1]);
        return -1;
    }
    p->pid[w] = fork();
    if (p->pid[w] == 0) {
        close(in[1]), close(out[0]);
        for (int i = 0; i < WORKERS; i++)
            if (p->pid[i] > 0)
                close(p->to[i]), close(p->from[i]);
        while (read(in[0], &o, sizeof o) == sizeof o) {
            o.n = o.fn(o.n);
            if (write(out[1], &o.n, sizeof o.n) < 0)
                break;
        }
        _exit(0);
    }
    close(in[0]), close(out[1]);
    p->to[w] = in[1], p->from[w] = out[0];
    if (p->pid[w] < 0)
        close(p->to[w]), close(p->from[w]);
    return p->pid[w] < 0 ? -1 : 0;
}

static void bury(struct pool *p, int w)
{
    if (p->pid[w] < 0)
        return;
    close(p->to[w]), close(p->from[w]);
    while (waitpid(p->pid[w], NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid[w] = -1;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    (void)workers;
    for (int w = 0; w < WORKERS; w++)
        p->pid[w] = -1;
    signal(SIGPIPE, SIG_IGN);
    for (int w = 0; w < WORKERS; w++)
        if (spawn(p, w) < 0) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *in, int64_t *out, bool *failed, size_t count)
{
    size_t next = 0, done = 0, lost = 0;
    long has[WORKERS] = {-1, -1, -1, -1};
    while (done < count) {
        struct pollfd f[WORKERS];
        for (int w = 0; w < WORKERS; w++) {
            while (has[w] < 0 && next < count) {
                struct order o = {fn, in[next]};
                if (p->pid[w] < 0 && spawn(p, w) < 0)
                    break;
                if (write(p->to[w], &o, sizeof o) > 0)
                    has[w] = (long)next++;
                else
                    bury(p, w);
            }
            f[w].fd = has[w] < 0 ? -1 : p->from[w];
            f[w].events = POLLIN, f[w].revents = 0;
        }
        if (poll(f, WORKERS, -1) < 0)
            continue;
        for (int w = 0; w < WORKERS; w++)
            if (f[w].revents) {
                failed[has[w]] = read(p->from[w], out + has[w], sizeof *out) != sizeof *out;
                if (failed[has[w]])
                    lost++, bury(p, w), spawn(p, w);
                has[w] = -1;
                done++;
            }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (int w = 0; w < WORKERS; w++)
        bury(p, w);
    free(p);
}
