/* expect: tests failed; schedules assertion | failed[i] is set for the lost items, and left as it was for the others */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* pool_map starts a thread per worker: it fetches the next number, has it done, and so on. Blocking reads are then all
 * that is needed. */

struct proxy {
    struct pool *pool;
    pthread_t thread;
    pid_t pid;
    int in, out;
};

struct pool {
    pthread_mutex_t mutex; /* guards next and lost; and one forks at a time */
    unsigned n;
    struct proxy proxies[64];
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    bool *failed;
    size_t next, count, lost;
};

static bool transfer(int fd, void *data, ssize_t size, bool out)
{
    ssize_t n;
    do
        n = out ? write(fd, data, (size_t)size) : read(fd, data, (size_t)size);
    while (n < 0 && errno == EINTR);
    return n == size;
}

static bool connect_proxy(struct proxy *x)
{
    struct pool *pool = x->pool;
    int orders[2], results[2];
    x->pid = 0;
    if (pipe(orders) != 0)
        return false;
    if (pipe(results) != 0) {
        close(orders[0]);
        close(orders[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        int64_t order[2];
        sigset_t none;
        sigemptyset(&none);
        pthread_sigmask(SIG_SETMASK, &none, NULL);
        for (unsigned i = 0; i < pool->n; i++)
            if (pool->proxies[i].pid != 0) {
                close(pool->proxies[i].in);
                close(pool->proxies[i].out);
            }
        close(orders[1]);
        close(results[0]);
        while (transfer(orders[0], order, sizeof order, false)) {
            order[1] = ((pool_fn *)order[0])(order[1]);
            transfer(results[1], &order[1], sizeof order[1], true);
        }
        _exit(0);
    }
    close(orders[0]);
    close(results[1]);
    if (pid < 0) {
        close(orders[1]);
        close(results[0]);
        return false;
    }
    x->out = orders[1];
    x->in = results[0];
    x->pid = pid;
    return true;
}

static void disconnect_proxy(struct proxy *x)
{
    if (x->pid == 0)
        return;
    close(x->in);
    close(x->out);
    while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    x->pid = 0;
}

static bool reconnect(struct proxy *x)
{
    pthread_mutex_lock(&x->pool->mutex);
    disconnect_proxy(x);
    const bool done = connect_proxy(x);
    pthread_mutex_unlock(&x->pool->mutex);
    return done;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pool->n = workers;
    for (unsigned i = 0; i < workers; i++) {
        pool->proxies[i].pool = pool;
        if (!connect_proxy(&pool->proxies[i])) {
            pool_close(pool);
            return NULL;
        }
    }
    return pool;
}

static void *represent(void *argument)
{
    struct proxy *x = argument;
    struct pool *pool = x->pool;
    for (;;) {
        pthread_mutex_lock(&pool->mutex);
        const size_t i = pool->next < pool->count ? pool->next++ : pool->count;
        pthread_mutex_unlock(&pool->mutex);
        if (i == pool->count)
            return NULL;
        int64_t order[2] = {(int64_t)pool->fn, pool->inputs[i]};
        bool given = x->pid != 0 && transfer(x->out, order, sizeof order, true);
        if (!given)
            given = reconnect(x) && transfer(x->out, order, sizeof order, true);
        if (given && transfer(x->in, &pool->outputs[i], sizeof pool->outputs[i], false))
            continue;
        pool->failed[i] = true;
        reconnect(x);
        pthread_mutex_lock(&pool->mutex);
        pool->lost++;
        pthread_mutex_unlock(&pool->mutex);
    }
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    sigset_t all, before;
    pool->fn = fn;
    pool->inputs = inputs;
    pool->outputs = outputs;
    pool->failed = failed;
    pool->count = count;
    pool->next = pool->lost = 0;
    sigfillset(&all); /* the threads take no signal of the caller's, and no SIGPIPE */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < pool->n; i++)
        pthread_create(&pool->proxies[i].thread, NULL, represent, &pool->proxies[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (unsigned i = 0; i < pool->n; i++)
        pthread_join(pool->proxies[i].thread, NULL);
    return pool->lost;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->n; i++)
        disconnect_proxy(&pool->proxies[i]);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
