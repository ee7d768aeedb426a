/* expect: tests descriptors; schedules assertion | the result pipes are never closed */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t IDLE = (size_t)-1;

/* one end each: the caller writes to `orders`, and reads from `results` */
struct worker { pid_t pid; int orders, results; size_t has; };
struct order { pool_fn *what; int64_t number; };

struct pool {
    int epoll;
    unsigned size;
    struct worker *worker;
};

static void fork_worker(struct pool *pool, struct worker *w)
{
    int o[2], r[2];
    w->pid = -1;
    w->has = IDLE;
    if (pipe(o))
        return;
    if (pipe(r)) {
        close(o[0]);
        close(o[1]);
        return;
    }
    w->pid = fork();
    if (w->pid == 0) {
        struct order order;
        int64_t n;
        for (int fd = 3; fd < 1024; fd++) /* everything that is somebody else's */
            if (fd == pool->epoll || fd == o[1] || fd == r[0])
                close(fd);
        for (unsigned i = 0; i < pool->size; i++)
            if (pool->worker[i].pid > 0)
                close(pool->worker[i].orders);
        while ((n = read(o[0], &order, sizeof order)) == sizeof order) {
            n = order.what(order.number);
            if (write(r[1], &n, sizeof n) != sizeof n)
                break;
        }
        _exit(0);
    }
    close(o[0]);
    close(r[1]);
    if (w->pid < 0) {
        close(o[1]);
        close(r[0]);
        return;
    }
    w->orders = o[1];
    w->results = r[0];
    epoll_ctl(pool->epoll, EPOLL_CTL_ADD, r[0], &(struct epoll_event){.events = EPOLLIN, .data = {.ptr = w}});
}

static void bury(struct pool *pool, struct worker *w)
{
    if (w->pid <= 0)
        return;
    epoll_ctl(pool->epoll, EPOLL_CTL_DEL, w->results, NULL);
    close(w->orders); /* tells it to stop */
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    w->pid = -1;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    signal(SIGPIPE, SIG_IGN);
    pool->worker = calloc(workers, sizeof *pool->worker);
    pool->epoll = epoll_create1(0);
    while (pool->epoll >= 0 && pool->size < workers) {
        fork_worker(pool, &pool->worker[pool->size]);
        if (pool->worker[pool->size].pid < 0)
            break;
        pool->size++;
    }
    if (pool->size == workers)
        return pool;
    pool_close(pool);
    return NULL;
}

static bool order(struct pool *pool, struct worker *w, struct order what)
{
    for (int i = 0; i < 3; i++) {
        if (w->pid < 0)
            fork_worker(pool, w);
        if (w->pid > 0 && write(w->orders, &what, sizeof what) == sizeof what)
            return true;
        bury(pool, w);
    }
    return false;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, failures = 0, running = 0;
    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    for (unsigned i = 0; i < pool->size && next < count; i++)
        if (order(pool, &pool->worker[i], (struct order){fn, inputs[next]})) {
            pool->worker[i].has = next++;
            running++;
        }
    while (running > 0) {
        struct epoll_event e;
        if (epoll_wait(pool->epoll, &e, 1, -1) < 1)
            continue;
        struct worker *w = e.data.ptr;
        const size_t item = w->has;
        const bool dead = read(w->results, item == IDLE ? &(int64_t){0} : &outputs[item], 8) != 8;
        if (dead)
            bury(pool, w);
        if (item == IDLE)
            continue;
        if (dead) {
            failed[item] = true;
            failures++;
        }
        running--;
        w->has = IDLE;
        if (next < count && order(pool, w, (struct order){fn, inputs[next]})) {
            w->has = next++;
            running++;
        }
    }
    for (unsigned i = 0; i < pool->size; i++)
        if (pool->worker[i].pid < 0)
            fork_worker(pool, &pool->worker[i]);
    return failures;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->size; i++)
        bury(pool, &pool->worker[i]);
    if (pool->epoll >= 0)
        close(pool->epoll);
    free(pool->worker);
    free(pool);
}
