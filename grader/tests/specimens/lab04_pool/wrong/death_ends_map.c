/* expect: tests dead_worker; schedules assertion | the first death ends the whole call */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_END 0
#define WRITE_END 1

struct request {
    pool_fn *function;
    int64_t argument;
};

struct worker {
    pid_t process_id;
    int request_pipe;
    int result_pipe;
};

struct pool {
    unsigned number_of_workers;
    struct worker *workers;
};

/*
 * Body of a worker process.
 * Reads requests until the request pipe is closed.
 */
static void worker_process(int request_pipe, int result_pipe)
{
    struct request request;
    int64_t result;

    while (1) {
        ssize_t bytes = read(request_pipe, &request, sizeof(request));
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        if (bytes != sizeof(request)) {
            break;
        }
        result = request.function(request.argument);
        while (write(result_pipe, &result, sizeof(result)) < 0) {
            if (errno != EINTR) {
                _exit(EXIT_FAILURE);
            }
        }
    }
    _exit(EXIT_SUCCESS);
}

/*
 * Creates worker number `index`.
 * Returns 0 on success, -1 on error.
 */
static int create_worker(struct pool *pool, unsigned index)
{
    struct worker *worker = &pool->workers[index];
    int requests[2];
    int results[2];
    pid_t process_id;

    if (pipe(requests) < 0) {
        return -1;
    }
    if (pipe(results) < 0) {
        close(requests[READ_END]);
        close(requests[WRITE_END]);
        return -1;
    }
    process_id = fork();
    if (process_id == 0) {
        unsigned i;
        for (i = 0; i < pool->number_of_workers; i++) {
            if (i != index && pool->workers[i].process_id != 0) {
                close(pool->workers[i].request_pipe);
                close(pool->workers[i].result_pipe);
            }
        }
        close(requests[WRITE_END]);
        close(results[READ_END]);
        worker_process(requests[READ_END], results[WRITE_END]);
    }
    close(requests[READ_END]);
    close(results[WRITE_END]);
    if (process_id < 0) {
        close(requests[WRITE_END]);
        close(results[READ_END]);
        return -1;
    }
    worker->process_id = process_id;
    worker->request_pipe = requests[WRITE_END];
    worker->result_pipe = results[READ_END];
    return 0;
}

/*
 * Closes the pipes of a worker and waits for its end.
 */
static void destroy_worker(struct worker *worker)
{
    if (worker->process_id == 0) {
        return;
    }
    close(worker->request_pipe);
    close(worker->result_pipe);
    while (waitpid(worker->process_id, NULL, 0) < 0 && errno == EINTR) {
    }
    memset(worker, 0, sizeof(*worker));
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof(struct pool));
    unsigned i;

    if (pool == NULL) {
        return NULL;
    }
    pool->number_of_workers = workers;
    pool->workers = calloc(workers, sizeof(struct worker));
    signal(SIGPIPE, SIG_IGN);
    for (i = 0; i < workers; i++) {
        if (create_worker(pool, i) < 0) {
            pool_close(pool);
            return NULL;
        }
    }
    return pool;
}

static int send_request(struct pool *pool, unsigned index, pool_fn *fn, int64_t argument)
{
    struct request request = {fn, argument};
    int attempt;

    for (attempt = 0; attempt < 2; attempt++) {
        if (pool->workers[index].process_id == 0 && create_worker(pool, index) < 0) {
            return -1;
        }
        if (write(pool->workers[index].request_pipe, &request, sizeof(request)) == sizeof(request)) {
            return 0;
        }
        destroy_worker(&pool->workers[index]);
    }
    return -1;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t *item_of = calloc(pool->number_of_workers, sizeof(size_t)); /* 0: none, otherwise item + 1 */
    struct pollfd *fds = calloc(pool->number_of_workers, sizeof(struct pollfd));
    size_t next = 0, finished = 0, failures = 0;
    unsigned i;

    memset(failed, 0, count);
    while (finished < count) {
        for (i = 0; i < pool->number_of_workers; i++) {
            if (item_of[i] == 0 && next < count) {
                if (send_request(pool, i, fn, inputs[next]) < 0) {
                    goto error;
                }
                next++;
                item_of[i] = next;
            }
            fds[i].fd = item_of[i] != 0 ? pool->workers[i].result_pipe : -1;
            fds[i].events = POLLIN;
        }
        if (poll(fds, pool->number_of_workers, -1) < 0) {
            continue;
        }
        for (i = 0; i < pool->number_of_workers; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0) {
                continue;
            }
            if (read(fds[i].fd, &outputs[item_of[i] - 1], sizeof(int64_t)) != sizeof(int64_t)) {
                failed[item_of[i] - 1] = true;
                failures = 1;
                goto error;
            }
            item_of[i] = 0;
            finished++;
        }
    }
    free(item_of);
    free(fds);
    return failures;

error:
    /* A worker is dead, the pool is broken: stop everything. The next call gets new workers. */
    for (i = 0; i < pool->number_of_workers; i++) {
        destroy_worker(&pool->workers[i]);
    }
    free(item_of);
    free(fds);
    return failures;
}

void pool_close(struct pool *pool)
{
    unsigned i;

    if (pool == NULL) {
        return;
    }
    for (i = 0; i < pool->number_of_workers; i++) {
        destroy_worker(&pool->workers[i]);
    }
    free(pool->workers);
    free(pool);
}
