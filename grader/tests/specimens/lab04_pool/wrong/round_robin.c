/* expect: tests free; schedules lost-wake-up | item i always goes to worker i modulo n */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fair division of labour: with 3 workers, worker 0 does the items 0, 3, 6, ..., worker 1 does 1, 4, 7, ...
 * Nobody has to look for a free worker, everyone knows what comes next. */

#define LIMIT 64

struct pool {
    unsigned n;
    pid_t pid[LIMIT];
    int sock[LIMIT];
};

struct msg {
    pool_fn *fn;
    int64_t x;
};

static int hire(struct pool *pool, unsigned k)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return -1;
    pool->pid[k] = fork();
    if (pool->pid[k] < 0) {
        close(pair[0]);
        close(pair[1]);
        pool->pid[k] = 0;
        return -1;
    }
    if (pool->pid[k] == 0) {
        struct msg m;
        close(pair[0]);
        for (unsigned other = 0; other < pool->n; other++)
            if (other != k && pool->pid[other] > 0)
                close(pool->sock[other]);
        while (recv(pair[1], &m, sizeof m, MSG_WAITALL) == sizeof m) {
            m.x = m.fn(m.x);
            if (send(pair[1], &m.x, sizeof m.x, MSG_NOSIGNAL) < 0)
                break;
        }
        _exit(0);
    }
    close(pair[1]);
    pool->sock[k] = pair[0];
    return 0;
}

static void fire(struct pool *pool, unsigned k)
{
    if (pool->pid[k] <= 0)
        return;
    close(pool->sock[k]);
    while (waitpid(pool->pid[k], NULL, 0) == -1 && errno == EINTR)
        ;
    pool->pid[k] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    for (pool->n = 0; pool->n < workers; pool->n++)
        if (hire(pool, pool->n)) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

static int hand_over(struct pool *pool, unsigned k, struct msg m)
{
    for (int tries = 0; tries < 3; tries++) {
        if (pool->pid[k] == 0 && hire(pool, k))
            return -1;
        if (send(pool->sock[k], &m, sizeof m, MSG_NOSIGNAL) == sizeof m)
            return 0;
        fire(pool, k);
    }
    return -1;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t mine[LIMIT]; /* the item that worker k has, or the next it will get */
    bool busy[LIMIT] = {false};
    size_t left = count, lost = 0;
    memset(failed, 0, count * sizeof *failed);
    for (unsigned k = 0; k < pool->n; k++)
        mine[k] = k;
    while (left > 0) {
        struct pollfd p[LIMIT];
        for (unsigned k = 0; k < pool->n; k++) {
            if (!busy[k] && mine[k] < count) {
                if (hand_over(pool, k, (struct msg){fn, inputs[mine[k]]}) != 0) {
                    failed[mine[k]] = true;
                    mine[k] += pool->n;
                    lost++;
                    left--;
                } else {
                    busy[k] = true;
                }
            }
            p[k].fd = busy[k] ? pool->sock[k] : -1;
            p[k].events = POLLIN;
            p[k].revents = 0;
        }
        if (left == 0 || poll(p, pool->n, -1) <= 0)
            continue;
        for (unsigned k = 0; k < pool->n; k++) {
            if (p[k].fd < 0 || p[k].revents == 0)
                continue;
            if (recv(p[k].fd, &outputs[mine[k]], sizeof *outputs, MSG_WAITALL) != sizeof *outputs) {
                failed[mine[k]] = true;
                lost++;
                fire(pool, k);
                hire(pool, k);
            }
            busy[k] = false;
            mine[k] += pool->n;
            left--;
        }
    }
    return lost;
}

void pool_close(struct pool *pool)
{
    for (unsigned k = 0; pool && k < pool->n; k++)
        fire(pool, k);
    free(pool);
}
