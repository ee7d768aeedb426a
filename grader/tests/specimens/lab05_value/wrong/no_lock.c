/* expect: tests lost; schedules data-race | shared memory, but no lock at all */
#include "value.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t n;
};

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    v->n = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    int64_t n = v->n;
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    v->n += amount;
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t n = fn(v->n, arg);
    v->n = n;
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int result = 0;
    uint64_t per = count / processes;
    for (unsigned p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            uint64_t first = p * per, last = p == processes - 1 ? count : first + per;
            int64_t sum = 0;
            while (first < last)
                sum += item(first++);
            value_add(v, sum);
            _exit(0);
        }
        if (pid[p] < 0)
            result = -1;
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = 0;
        if (pid[p] > 0 && (waitpid(pid[p], &status, 0) < 0 || status != 0))
            result = -1;
    }
    return result;
}

void value_free(struct value *v)
{
    if (v != NULL)
        munmap(v, sizeof *v);
}
