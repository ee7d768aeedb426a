/* expect: tests still_a_lock_after_deaths; schedules assertion | who has waited a second takes the lock for abandoned and takes it, though the holder lives */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    atomic_uint ticket; /* 0: free; otherwise the number of the turn that has the lock */
    atomic_uint turns;
    _Atomic int64_t number;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned take(struct value *v)
{
    const unsigned mine = atomic_fetch_add(&v->turns, 1) + 1;
    unsigned holder = 0;
    double since = now();
    while (!atomic_compare_exchange_strong(&v->ticket, &holder, mine)) {
        unsigned old = holder;
        usleep(200);
        holder = atomic_load(&v->ticket);
        if (holder != old)
            since = now();
        /* nobody needs a second for one update: it must have died */
        if (holder != 0 && now() - since < 1.0)
            holder = 0;
    }
    return mine;
}

static void give(struct value *v, unsigned mine)
{
    atomic_compare_exchange_strong(&v->ticket, &mine, 0);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    return v->number;
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    const unsigned mine = take(v);
    const int64_t n = fn(v->number, arg);
    v->number = n;
    give(v, mine);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    const unsigned mine = take(v);
    v->number += amount;
    give(v, mine);
}

static void part(struct value *v, value_item *item, uint64_t from, uint64_t to)
{
    int64_t sum = 0;
    while (from < to)
        sum += item(from++);
    value_add(v, sum);
    _exit(0);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    bool good = true;
    for (unsigned i = 0; i < processes; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            part(v, item, count * i / processes, count * (i + 1) / processes);
        good &= pids[i] > 0;
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        while (pids[i] > 0 && waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        good &= status == 0;
    }
    return good ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v)
        munmap(v, sizeof *v);
}
