/* expect: tests long_list; schedules assertion | writes the whole list before it reads a single result: the pipes fill up */
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
    pool_fn *fn;
    size_t index;
    int64_t number;
};

struct pool {
    unsigned workers;
    pid_t pids[64];
    int orders[64];
    int results;
    int results_write;
};

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof *pool);
    int results[2];
    if (pool == NULL || pipe(results) != 0)
        return NULL;
    pool->workers = workers;
    pool->results = results[0];
    pool->results_write = results[1];
    for (unsigned i = 0; i < workers; i++) {
        int p[2];
        if (pipe(p) != 0)
            return NULL;
        pool->pids[i] = fork();
        if (pool->pids[i] == 0) {
            struct order o;
            for (unsigned j = 0; j < i; j++)
                close(pool->orders[j]);
            close(p[1]);
            close(results[0]);
            while (read(p[0], &o, sizeof o) == sizeof o) {
                o.number = o.fn(o.number);
                if (write(results[1], &o, sizeof o) != sizeof o)
                    break;
            }
            _exit(0);
        }
        close(p[0]);
        pool->orders[i] = p[1];
    }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct order o;
    memset(failed, 0, count);
    for (size_t i = 0; i < count; i++) {
        o = (struct order){fn, i, inputs[i]};
        if (write(pool->orders[i % pool->workers], &o, sizeof o) != sizeof o)
            failed[i] = true;
    }
    for (size_t i = 0; i < count; i++)
        if (read(pool->results, &o, sizeof o) == sizeof o)
            outputs[o.index] = o.number;
    return 0;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->workers; i++)
        close(pool->orders[i]);
    for (unsigned i = 0; i < pool->workers; i++)
        waitpid(pool->pids[i], NULL, 0);
    close(pool->results);
    close(pool->results_write);
    free(pool);
}
