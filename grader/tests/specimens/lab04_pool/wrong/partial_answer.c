/* expect: tests outputs; schedules assertion | an answer is written in two pieces, and one read is taken for the whole */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* An answer is one byte of status ('+': done) and eight bytes of number. */
struct answer {
    char status;
    int64_t number;
} __attribute__((packed));

struct slave {
    pid_t pid;
    int down, up;
    int busy;
    size_t item;
};

struct pool {
    unsigned count;
    struct slave slaves[64];
};

static void serve(int down, int up)
{
    struct {
        pool_fn *fn;
        int64_t number;
    } order;
    for (;;) {
        ssize_t n = read(down, &order, sizeof order);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0);
        int64_t result = order.fn(order.number);
        write(up, "+", 1);
        write(up, &result, sizeof result);
    }
}

static int buy(struct pool *pool, struct slave *s)
{
    int down[2], up[2];
    s->pid = 0;
    s->busy = 0;
    if (pipe(down) != 0)
        return 0;
    if (pipe(up) != 0) {
        close(down[0]);
        close(down[1]);
        return 0;
    }
    s->pid = fork();
    if (s->pid == 0) {
        for (unsigned i = 0; i < pool->count; i++)
            if (pool->slaves[i].pid > 0) {
                close(pool->slaves[i].down);
                close(pool->slaves[i].up);
            }
        close(down[1]);
        close(up[0]);
        serve(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    s->down = down[1];
    s->up = up[0];
    if (s->pid > 0)
        return 1;
    close(down[1]);
    close(up[0]);
    s->pid = 0;
    return 0;
}

static void sell(struct slave *s)
{
    if (s->pid == 0)
        return;
    close(s->down);
    close(s->up);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    pool->count = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!buy(pool, &pool->slaves[i])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ready = 0, failures = 0;
    while (ready < count) {
        struct pollfd fds[64];
        for (unsigned i = 0; i < pool->count; i++) {
            struct slave *s = &pool->slaves[i];
            while (!s->busy && next < count) {
                struct {
                    pool_fn *fn;
                    int64_t number;
                } order = {fn, inputs[next]};
                if (s->pid == 0 && !buy(pool, s))
                    break;
                if (write(s->down, &order, sizeof order) == sizeof order) {
                    s->busy = 1;
                    s->item = next++;
                } else {
                    sell(s);
                }
            }
            fds[i].fd = s->busy ? s->up : -1;
            fds[i].events = POLLIN;
            fds[i].revents = 0;
        }
        if (poll(fds, pool->count, -1) < 0)
            continue;
        for (unsigned i = 0; i < pool->count; i++) {
            struct slave *s = &pool->slaves[i];
            struct answer a = {0, 0};
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            ssize_t n = read(s->up, &a, sizeof a);
            failed[s->item] = n <= 0;
            outputs[s->item] = a.number;
            ready++;
            s->busy = 0;
            if (n <= 0) {
                failures++;
                sell(s);
                buy(pool, s);
            }
        }
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->count; i++)
        sell(&pool->slaves[i]);
    free(pool);
}
