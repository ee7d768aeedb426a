/* expect: tests along; schedules lost-wake-up | the lock is a byte in a pipe: who dies with it takes it along */
#include "value.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int token[2];
    volatile int64_t number;
};

static void get_token(struct value *v)
{
    char c;
    while (read(v->token[0], &c, 1) != 1)
        continue;
}

static void put_token(struct value *v)
{
    while (write(v->token[1], "T", 1) != 1)
        continue;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    if (pipe(v->token) != 0) {
        munmap(v, sizeof *v);
        return NULL;
    }
    v->number = initial;
    put_token(v);
    return v;
}

int64_t value_get(struct value *v)
{
    get_token(v);
    int64_t n = v->number;
    put_token(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    get_token(v);
    v->number += amount;
    put_token(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    get_token(v);
    int64_t n = fn(v->number, arg);
    v->number = n;
    put_token(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int ok = 1;
    for (unsigned i = 0; i < processes; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int64_t sum = 0;
            for (uint64_t k = i; k < count; k += processes)
                sum += item(k);
            value_add(v, sum);
            _exit(0);
        }
        ok = ok && pids[i] > 0;
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        if (pids[i] > 0)
            waitpid(pids[i], &status, 0);
        ok = ok && WIFEXITED(status);
    }
    return ok ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    close(v->token[0]);
    close(v->token[1]);
    munmap(v, sizeof *v);
}
