/* expect: tests number; schedules assertion | the result -1 stands for a dead worker */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN, OUT };

struct pool {
    unsigned workers;
    struct proc {
        pid_t id;
        int ask[2];
        int tell[2];
        long item;          /* -1: free */
    } proc[64];
};

/* Tells the worker's number, or -1 if it has died. */
static int64_t listen_to(const struct proc *w)
{
    int64_t number;
    for (;;) {
        ssize_t n = read(w->tell[IN], &number, sizeof number);
        if (n == (ssize_t)sizeof number)
            return number;
        if (n != -1 || errno != EINTR)
            return -1;
    }
}

static bool ask(const struct proc *w, pool_fn *fn, int64_t number)
{
    char order[sizeof fn + sizeof number];
    __builtin_memcpy(order, &fn, sizeof fn);
    __builtin_memcpy(order + sizeof fn, &number, sizeof number);
    ssize_t n;
    do
        n = write(w->ask[OUT], order, sizeof order);
    while (n == -1 && errno == EINTR);
    return n == (ssize_t)sizeof order;
}

static void be_a_worker(struct proc *w)
{
    char order[sizeof(pool_fn *) + sizeof(int64_t)];
    for (;;) {
        pool_fn *fn;
        int64_t number;
        ssize_t n = read(w->ask[IN], order, sizeof order);
        if (n == -1 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof order)
            _exit(EXIT_SUCCESS);
        __builtin_memcpy(&fn, order, sizeof fn);
        __builtin_memcpy(&number, order + sizeof fn, sizeof number);
        number = fn(number);
        if (write(w->tell[OUT], &number, sizeof number) == -1)
            _exit(EXIT_FAILURE);
    }
}

static bool begin(struct pool *pool, struct proc *w)
{
    w->id = 0;
    w->item = -1;
    if (pipe(w->ask) == -1)
        return false;
    if (pipe(w->tell) == -1)
        goto one_pipe;
    if ((w->id = fork()) == -1)
        goto two_pipes;
    if (w->id == 0) {
        for (struct proc *o = pool->proc; o < pool->proc + pool->workers; o++)
            if (o != w && o->id > 0) {
                close(o->ask[OUT]);
                close(o->tell[IN]);
            }
        close(w->ask[OUT]);
        close(w->tell[IN]);
        be_a_worker(w);
    }
    close(w->ask[IN]);
    close(w->tell[OUT]);
    return true;
two_pipes:
    close(w->tell[IN]);
    close(w->tell[OUT]);
one_pipe:
    close(w->ask[IN]);
    close(w->ask[OUT]);
    w->id = 0;
    return false;
}

static void end(struct proc *w)
{
    if (w->id == 0)
        return;
    close(w->ask[OUT]);
    close(w->tell[IN]);
    while (waitpid(w->id, NULL, 0) == -1 && errno == EINTR)
        continue;
    w->id = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    pool->workers = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!begin(pool, &pool->proc[i])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t given = 0, answered = 0, failures = 0;
    while (answered < count) {
        fd_set waiting;
        int highest = -1;
        FD_ZERO(&waiting);
        for (unsigned i = 0; i < pool->workers; i++) {
            struct proc *w = &pool->proc[i];
            while (w->item == -1 && given < count) {
                if (w->id == 0 && !begin(pool, w))
                    break;
                if (ask(w, fn, inputs[given]))
                    w->item = (long)given++;
                else
                    end(w);
            }
            if (w->item == -1)
                continue;
            FD_SET(w->tell[IN], &waiting);
            highest = w->tell[IN] > highest ? w->tell[IN] : highest;
        }
        if (select(highest + 1, &waiting, NULL, NULL, NULL) < 1)
            continue;
        for (unsigned i = 0; i < pool->workers; i++) {
            struct proc *w = &pool->proc[i];
            if (w->item == -1 || !FD_ISSET(w->tell[IN], &waiting))
                continue;
            int64_t result = listen_to(w);
            failed[w->item] = result == -1;
            if (result == -1) {
                failures++;
                end(w);
                begin(pool, w);
            } else {
                outputs[w->item] = result;
                w->item = -1;
            }
            answered++;
        }
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->workers; i++)
        end(&pool->proc[i]);
    free(pool);
}
