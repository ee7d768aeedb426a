/* expect: tests inside; schedules assertion | lock-free update: fn is called again whenever somebody was faster */
#include "value.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without any lock nobody can die holding one. */

struct value { int64_t word; };

static int swap(struct value *v, int64_t from, int64_t to)
{
    return __sync_bool_compare_and_swap(&v->word, from, to);
}

int64_t value_get(struct value *v)
{
    return __sync_fetch_and_add(&v->word, 0);
}

void value_add(struct value *v, int64_t amount)
{
    __sync_fetch_and_add(&v->word, amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    for (;;) {
        const int64_t seen = value_get(v), wanted = fn(seen, arg);
        if (swap(v, seen, wanted))
            return wanted;
    }
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return 0;
    value_add(v, initial);
    return v;
}

static void part(struct value *v, value_item *item, uint64_t i, uint64_t count, unsigned step)
{
    int64_t sum = 0;
    for (; i < count; i += step)
        sum += item(i);
    value_add(v, sum);
    _exit(0);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int rc = 0;
    for (unsigned p = 0; p < processes; p++)
        if (!(pids[p] = fork()))
            part(v, item, p, count, processes);
    for (unsigned p = 0; p < processes; p++) {
        int status = 1;
        if (pids[p] > 0)
            waitpid(pids[p], &status, 0);
        if (status)
            rc = -1;
    }
    return rc;
}

void value_free(struct value *v)
{
    if (v)
        munmap(v, sizeof *v);
}
