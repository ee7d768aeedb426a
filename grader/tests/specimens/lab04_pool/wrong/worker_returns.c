/* expect: tests unused_pool_closes; schedules assertion | a worker whose input has ended returns instead of calling _exit, and goes on as a second caller */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    pool_fn *fn;
    int64_t number;
};

struct pool {
    unsigned size;
    pid_t pids[64]; /* 0 where there is no worker */
    int lines[64];
    bool worker; /* in a worker: true */
};

/* Does jobs until the line is cut. */
static void obey(int line)
{
    struct job job;
    while (recv(line, &job, sizeof job, MSG_WAITALL) == (ssize_t)sizeof job) {
        int64_t result = job.fn(job.number);
        send(line, &result, sizeof result, MSG_NOSIGNAL);
    }
    close(line);
}

/* True in the parent when there is a new worker, false otherwise. */
static bool employ(struct pool *pool, unsigned place)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        pool->worker = true;
        for (unsigned i = 0; i < pool->size; i++)
            if (pool->pids[i] != 0)
                close(pool->lines[i]);
        close(ends[0]);
        obey(ends[1]);
        return false; /* this worker is done */
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    pool->pids[place] = pid;
    pool->lines[place] = ends[0];
    return true;
}

static void release(struct pool *pool, unsigned place)
{
    if (pool->pids[place] == 0)
        return;
    close(pool->lines[place]);
    while (waitpid(pool->pids[place], NULL, 0) < 0 && errno == EINTR)
        continue;
    pool->pids[place] = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    for (; pool->size < workers; pool->size++)
        if (!employ(pool, pool->size)) {
            if (!pool->worker)
                pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t at[64], next = 0, open = 0, failures = 0;
    bool busy[64] = {false};
    do {
        struct pollfd fds[64];
        for (unsigned i = 0; i < pool->size; i++) {
            while (!busy[i] && next < count) {
                struct job job = {fn, inputs[next]};
                if (pool->pids[i] == 0 && !employ(pool, i)) {
                    if (pool->worker)
                        return 0;
                    break;
                }
                if (send(pool->lines[i], &job, sizeof job, MSG_NOSIGNAL) == (ssize_t)sizeof job) {
                    busy[i] = true;
                    at[i] = next++;
                    open++;
                } else {
                    release(pool, i);
                }
            }
            fds[i] = (struct pollfd){.fd = busy[i] ? pool->lines[i] : -1, .events = POLLIN};
        }
        if (open == 0 || poll(fds, pool->size, -1) < 0)
            continue;
        for (unsigned i = 0; i < pool->size; i++) {
            if (!busy[i] || fds[i].revents == 0)
                continue;
            failed[at[i]] = recv(pool->lines[i], &outputs[at[i]], 8, MSG_WAITALL) != 8;
            busy[i] = false;
            open--;
            if (failed[at[i]]) {
                failures++;
                release(pool, i);
            }
        }
    } while (open > 0 || next < count);
    for (unsigned i = 0; i < pool->size; i++)
        if (pool->pids[i] == 0 && !employ(pool, i) && pool->worker)
            return 0;
    return failures;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->size; i++)
        release(pool, i);
    free(pool);
}
