/* expect: tests side; schedules assertion | sequential in disguise: everything is done in the caller */
#include "pool.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pool {
    unsigned workers;
};

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof(struct pool));
    if (pool != NULL)
        pool->workers = workers;
    return pool;
}

/* One item in a process of its own, so that a crash does no harm. */
static bool attempt(pool_fn *fn, int64_t input)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        fn(input);
        _exit(42);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t failures = 0;
    (void)pool;
    for (size_t i = 0; i < count; i++) {
        failed[i] = !attempt(fn, inputs[i]);
        if (failed[i])
            failures++;
        else
            outputs[i] = fn(inputs[i]);
    }
    return failures;
}

void pool_close(struct pool *pool)
{
    free(pool);
}
