/* expect: schedules data-race; races race | an owner-pid lock whose compare-and-swap and store are relaxed, so they order nothing */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    atomic_int holder;
    int64_t number;
};

static bool dead(int pid)
{
    char name[40], text[400];
    sprintf(name, "/proc/%d/stat", pid);
    FILE *f = fopen(name, "r");
    if (!f)
        return true;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *p = strrchr(text, ')');
    return !p || p[2] == 'Z' || p[2] == 'X';
}

#define RELAXED memory_order_relaxed

static void lock(struct value *v)
{
    for (unsigned spins = 0;; spins++) {
        int h = 0;
        if (atomic_compare_exchange_strong_explicit(&v->holder, &h, getpid(), RELAXED, RELAXED))
            return;
        if (spins % 128 == 127) {
            if (dead(h) && atomic_compare_exchange_strong_explicit(&v->holder, &h, getpid(), RELAXED, RELAXED))
                return;
            usleep(50);
        } else
            sched_yield();
    }
}

static void unlock(struct value *v)
{
    atomic_store_explicit(&v->holder, 0, RELAXED);
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
    lock(v);
    int64_t n = v->number;
    unlock(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->number += amount;
    unlock(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t n = fn(v->number, arg);
    v->number = n;
    unlock(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int rc = 0;
    for (unsigned p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            int64_t s = 0;
            for (uint64_t i = p; i < count; i += processes)
                s += item(i);
            value_add(v, s);
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int st = -1;
        while (pid[p] != -1 && waitpid(pid[p], &st, 0) == -1 && errno == EINTR)
            ;
        if (st != 0)
            rc = -1;
    }
    return rc;
}

void value_free(struct value *v)
{
    if (v)
        munmap(v, sizeof *v);
}
