/* expect: tests replaced | a new worker closes only the pipe ends of those made before it: one that replaces another keeps the later ones up */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct order {
    pool_fn *fn; /* NULL: go home */
    int64_t input;
};

struct worker {
    pid_t pid; /* 0: nobody here */
    int order_read, order_write, result_read;
    bool busy;
    size_t item;
};

struct pool {
    unsigned size;
    struct worker worker[];
};

static bool read_all(int fd, void *buffer, size_t size)
{
    char *at = buffer;
    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool write_all(int fd, const void *buffer, size_t size)
{
    const char *at = buffer;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* The token is read by a call of its own: a SIGKILL that came while the worker waited for an order strikes at the end of the
 * first read, so the token stays in the pipe and the caller sees that the worker had not begun. */
static void work(int in, int out)
{
    struct order order;
    char token;
    while (read_all(in, &order, sizeof order) && order.fn != NULL && read_all(in, &token, 1)) {
        int64_t result = order.fn(order.input);
        if (!write_all(out, &result, sizeof result))
            break;
    }
    _exit(0);
}

static void send_order(int fd, pool_fn *fn, int64_t input)
{
    struct order order = {fn, input};
    char packet[sizeof order + 1];
    memcpy(packet, &order, sizeof order);
    packet[sizeof order] = 1;
    write_all(fd, packet, sizeof packet); /* the caller holds a reader and the pipe is empty: no EPIPE, no wait */
}

static bool hire(struct pool *pool, struct worker *w)
{
    int orders[2], results[2];
    if (pipe2(orders, O_CLOEXEC) != 0)
        return false;
    if (pipe2(results, O_CLOEXEC) != 0) {
        close(orders[0]);
        close(orders[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid < 0) {
        close(orders[0]);
        close(orders[1]);
        close(results[0]);
        close(results[1]);
        return false;
    }
    if (pid == 0) {
        for (unsigned i = 0; &pool->worker[i] < w; i++)
            if (pool->worker[i].pid != 0) {
                close(pool->worker[i].order_read);
                close(pool->worker[i].order_write);
                close(pool->worker[i].result_read);
            }
        close(orders[1]);
        close(results[0]);
        work(orders[0], results[1]);
    }
    close(results[1]);
    *w = (struct worker){.pid = pid, .order_read = orders[0], .order_write = orders[1], .result_read = results[0]};
    return true;
}

static void await(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void vacate(struct worker *w)
{
    close(w->order_read);
    close(w->order_write);
    close(w->result_read);
    w->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->worker[0]);
    if (pool == NULL)
        return NULL;
    pool->size = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!hire(pool, &pool->worker[i])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, lost = 0;
    size_t again[64]; /* items that came back unread: at most one per worker */
    unsigned agains = 0;

    for (unsigned i = 0; i < pool->size; i++) { /* those that died between two calls */
        struct worker *w = &pool->worker[i];
        if (w->pid == 0)
            continue;
        pid_t r;
        while ((r = waitpid(w->pid, NULL, WNOHANG)) < 0 && errno == EINTR)
            ;
        if (r != 0)
            vacate(w);
    }

    for (;;) {
        struct pollfd polls[64];
        struct worker *whose[64];
        nfds_t n = 0;
        for (unsigned i = 0; i < pool->size; i++) {
            struct worker *w = &pool->worker[i];
            if (w->pid == 0 && !hire(pool, w))
                continue;
            if (!w->busy && (agains > 0 || next < count)) {
                w->item = agains > 0 ? again[--agains] : next++;
                w->busy = true;
                send_order(w->order_write, fn, inputs[w->item]);
            }
            polls[n] = (struct pollfd){.fd = w->result_read, .events = POLLIN};
            whose[n++] = w;
        }
        if (done == count)
            break;
        if (n == 0) { /* no process to be had at all: ask again in a while */
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
            continue;
        }
        if (poll(polls, n, -1) <= 0)
            continue;
        for (nfds_t k = 0; k < n; k++) {
            if (polls[k].revents == 0)
                continue;
            struct worker *w = whose[k];
            int64_t result;
            if (read_all(w->result_read, &result, sizeof result)) {
                outputs[w->item] = result;
                failed[w->item] = false;
                w->busy = false;
                done++;
                continue;
            }
            await(w->pid);
            if (w->busy) {
                int unread = 0;
                ioctl(w->order_read, FIONREAD, &unread);
                if (unread > 0) {
                    again[agains++] = w->item;
                } else {
                    failed[w->item] = true;
                    lost++;
                    done++;
                }
                w->busy = false;
            }
            vacate(w);
        }
    }

    for (unsigned i = 0; i < pool->size; i++) { /* died without an item while others finished */
        struct worker *w = &pool->worker[i];
        if (w->pid == 0)
            continue;
        pid_t r;
        while ((r = waitpid(w->pid, NULL, WNOHANG)) < 0 && errno == EINTR)
            ;
        if (r != 0) {
            vacate(w);
            hire(pool, w);
        }
    }
    return lost;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->size; i++)
        if (pool->worker[i].pid != 0)
            send_order(pool->worker[i].order_write, NULL, 0);
    for (unsigned i = 0; i < pool->size; i++)
        if (pool->worker[i].pid != 0) {
            await(pool->worker[i].pid);
            vacate(&pool->worker[i]);
        }
    free(pool);
}
