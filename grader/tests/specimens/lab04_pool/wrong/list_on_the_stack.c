/* expect: tests long_list | the order of the list (largest first) is kept in an array of its length on the stack: a million entries do not fit */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
    pool_fn *fn;
    int64_t input;
};

struct worker {
    pid_t pid; /* 0: there is none, it could not be replaced */
    int to;    /* orders are written here */
    int from;  /* results are read here */
    bool busy;
    size_t item; /* the one it has, if busy */
};

struct pool {
    unsigned count;
    struct pollfd *watched; /* one entry a worker, for poll */
    struct worker workers[];
};

/* One call of pool_map. */
struct map {
    const size_t *order;
    struct pool *pool;
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    bool *failed;
    size_t count, next, failures;
};

/* read and write may be interrupted by a signal and may move fewer bytes than asked. False at the end of the
 * pipe or on an error: for us both mean that the other side is gone. */
static bool read_all(int fd, void *data, size_t size)
{
    char *p = data;
    while (size > 0) {
        const ssize_t n = read(fd, p, size);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size > 0) {
        const ssize_t n = write(fd, p, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
    return true;
}

/* The worker's life. It ends when the caller closes `in`, or has ended itself, which closes it too. _exit, not
 * exit: the handlers and unwritten output that were copied by fork belong to the caller. */
static _Noreturn void work(int in, int out)
{
    struct order order;
    signal(SIGPIPE, SIG_DFL);
    while (read_all(in, &order, sizeof order)) {
        const int64_t result = order.fn(order.input);
        if (!write_all(out, &result, sizeof result))
            break;
    }
    _exit(0);
}

static void close_ends(struct worker *worker)
{
    if (worker->pid == 0)
        return;
    close(worker->to);
    close(worker->from);
}

static void close_pair(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static bool hire(struct pool *pool, struct worker *worker)
{
    int orders[2], results[2];
    if (pipe(orders) != 0)
        return false;
    if (pipe(results) != 0) {
        close_pair(orders);
        return false;
    }
    const pid_t pid = fork();
    if (pid < 0) {
        close_pair(orders);
        close_pair(results);
        return false;
    }
    if (pid == 0) {
        for (unsigned i = 0; i < pool->count; i++)
            close_ends(&pool->workers[i]);
        close(orders[1]);
        close(results[0]);
        work(orders[0], results[1]);
    }
    close(orders[0]);
    close(results[1]);
    *worker = (struct worker){.pid = pid, .to = orders[1], .from = results[0]};
    return true;
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* The worker has died: buries it (no zombie, no descriptor stays) and hires another for its place. */
static bool replace(struct pool *pool, struct worker *worker)
{
    close_ends(worker);
    wait_for(worker->pid);
    *worker = (struct worker){.pid = 0};
    return hire(pool, worker);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->workers[0]);
    if (pool == NULL)
        return NULL;
    pool->count = workers;
    pool->watched = calloc(workers, sizeof *pool->watched);
    bool complete = pool->watched != NULL;
    for (unsigned i = 0; complete && i < workers; i++)
        complete = hire(pool, &pool->workers[i]);
    if (!complete) {
        pool_close(pool);
        return NULL;
    }
    return pool;
}

/* Gives the next item to a worker that is free. A write that fails shows one that died while it had nothing to
 * do: its replacement gets the item, which is therefore not lost. */
static void give(struct map *map, struct worker *worker)
{
    const struct order order = {.fn = map->fn, .input = map->inputs[map->order[map->next]]};
    bool given = false;
    if (worker->pid == 0)
        given = hire(map->pool, worker) && write_all(worker->to, &order, sizeof order);
    else
        given = write_all(worker->to, &order, sizeof order) ||
                (replace(map->pool, worker) && write_all(worker->to, &order, sizeof order));
    if (given) {
        worker->busy = true;
        worker->item = map->order[map->next++];
    }
}

static void give_to_all_free(struct map *map)
{
    for (unsigned i = 0; i < map->pool->count && map->next < map->count; i++)
        if (!map->pool->workers[i].busy)
            give(map, &map->pool->workers[i]);
}

static void fail(struct map *map, size_t item)
{
    map->failed[item] = true;
    map->failures++;
}

static void take_answer(struct map *map, struct worker *worker)
{
    int64_t result;
    worker->busy = false;
    if (read_all(worker->from, &result, sizeof result)) {
        map->outputs[worker->item] = result;
    } else {
        fail(map, worker->item);
        replace(map->pool, worker);
    }
}

/* Blocks until at least one busy worker has news and takes it. Returns false if no worker is busy. */
static bool take_answers(struct map *map)
{
    struct pool *pool = map->pool;
    bool any = false;
    for (unsigned i = 0; i < pool->count; i++) {
        const struct worker *worker = &pool->workers[i];
        pool->watched[i] = (struct pollfd){.fd = worker->busy ? worker->from : -1, .events = POLLIN};
        any |= worker->busy;
    }
    if (!any)
        return false;
    if (poll(pool->watched, pool->count, -1) < 0)
        return true; /* interrupted by a signal: nothing to take yet */
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->watched[i].fd >= 0 && pool->watched[i].revents != 0)
            take_answer(map, &pool->workers[i]);
    return true;
}

/* The last ones are the largest as a rule: they go first. */
static void backwards(size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = count - 1 - i;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t order[count + 1];
    struct map map = {order, pool, fn, inputs, outputs, failed, count, 0, 0};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    backwards(order, count);
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    sigaction(SIGPIPE, &ignore, &before); /* a write to a dead worker shall fail, not end us */
    do
        give_to_all_free(&map);
    while (take_answers(&map));
    /* Items are left only when no worker lives and none can be made. */
    while (map.next < count)
        fail(&map, order[map.next++]);
    sigaction(SIGPIPE, &before, NULL);
    return map.failures;
}

/* First all ends are closed, then all workers waited for: they leave side by side. */
void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->count; i++)
        close_ends(&pool->workers[i]);
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->workers[i].pid != 0)
            wait_for(pool->workers[i].pid);
    free(pool->watched);
    free(pool);
}
