/* expect: tests zombies; schedules child-never-waited-for | nobody waits for the workers */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct worker {
    int alive, busy;
    int jobs[2], results[2];
    size_t index;
} workers[64];

struct pool { int n; };

struct job {
    pool_fn *fn;
    int64_t arg;
};

static void worker_main(struct worker *self)
{
    struct job job;
    /* only my own two ends stay open */
    for (struct worker *w = workers; w < workers + 64; w++) {
        if (w != self && w->alive) {
            close(w->jobs[1]);
            close(w->results[0]);
        }
    }
    close(self->jobs[1]);
    close(self->results[0]);
    while (read(self->jobs[0], &job, sizeof job) == sizeof job) {
        int64_t result = job.fn(job.arg);
        if (write(self->results[1], &result, sizeof result) != sizeof result)
            break;
    }
    _exit(0);
}

static int worker_new(struct worker *w)
{
    pid_t pid;
    w->alive = w->busy = 0;
    if (pipe(w->jobs) == -1)
        return -1;
    if (pipe(w->results) == -1) {
        close(w->jobs[0]);
        close(w->jobs[1]);
        return -1;
    }
    pid = fork();
    if (pid == 0)
        worker_main(w);
    close(w->jobs[0]);
    close(w->results[1]);
    if (pid == -1) {
        close(w->jobs[1]);
        close(w->results[0]);
        return -1;
    }
    w->alive = 1;
    return 0;
}

/* closing the job pipe ends the worker; the system does the rest */
static void worker_end(struct worker *w)
{
    if (!w->alive)
        return;
    close(w->jobs[1]);
    close(w->results[0]);
    w->alive = 0;
}

struct pool *pool_create(unsigned count)
{
    struct pool *pool = malloc(sizeof *pool);
    signal(SIGPIPE, SIG_IGN);
    pool->n = 0;
    while (pool->n < (int)count) {
        if (worker_new(&workers[pool->n]) == -1) {
            pool_close(pool);
            return NULL;
        }
        pool->n++;
    }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t todo = 0, done = 0, failures = 0;
    while (done < count) {
        struct pollfd fds[64];
        for (int i = 0; i < pool->n; i++) {
            struct worker *w = &workers[i];
            while (!w->busy && todo < count) {
                struct job job = {fn, inputs[todo]};
                if (!w->alive && worker_new(w) == -1)
                    break;
                if (write(w->jobs[1], &job, sizeof job) == sizeof job) {
                    w->busy = 1;
                    w->index = todo++;
                } else {
                    worker_end(w);
                }
            }
            fds[i].fd = w->busy ? w->results[0] : -1;
            fds[i].events = POLLIN;
        }
        if (poll(fds, (nfds_t)pool->n, -1) == -1)
            continue;
        for (int i = 0; i < pool->n; i++) {
            struct worker *w = &workers[i];
            if (fds[i].fd == -1 || fds[i].revents == 0)
                continue;
            w->busy = 0;
            done++;
            failed[w->index] = read(w->results[0], &outputs[w->index], 8) != 8;
            if (failed[w->index]) {
                failures++;
                worker_end(w);
                worker_new(w);
            }
        }
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->n > 0)
        worker_end(&workers[--pool->n]);
    free(pool);
}
