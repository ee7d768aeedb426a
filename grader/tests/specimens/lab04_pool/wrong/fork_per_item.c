/* expect: tests made; schedules assertion | no pool at all: a new process for each item, as many at a time as there should be workers */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pool {
    unsigned max;
};

struct child {
    pid_t pid;
    int fd;
    size_t item;
};

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof *pool);
    pool->max = workers;
    return pool;
}

static struct child launch(pool_fn *fn, int64_t input, size_t item)
{
    struct child c = {.item = item};
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    c.pid = fork();
    if (c.pid == 0) {
        int64_t result = fn(input);
        _exit(write(ends[1], &result, sizeof result) != sizeof result);
    }
    close(ends[1]);
    c.fd = ends[0];
    return c;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct child running[64];
    unsigned n = 0;
    size_t next = 0, failures = 0;
    while (next < count || n > 0) {
        struct pollfd fds[64];
        while (n < pool->max && next < count) {
            running[n++] = launch(fn, inputs[next], next);
            next++;
        }
        for (unsigned i = 0; i < n; i++)
            fds[i] = (struct pollfd){.fd = running[i].fd, .events = POLLIN};
        if (poll(fds, n, -1) < 0)
            continue;
        for (unsigned i = n; i-- > 0;) {
            struct child c = running[i];
            if (!fds[i].revents)
                continue;
            failed[c.item] = read(c.fd, &outputs[c.item], sizeof *outputs) != sizeof *outputs;
            failures += failed[c.item];
            close(c.fd);
            while (waitpid(c.pid, NULL, 0) < 0 && errno == EINTR)
                ;
            running[i] = running[--n];
        }
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    free(pool);
}
