/* expect: tests reduce_reports_a_death | the share of a process is kept in an unsigned: with 2^32 items or more for each process most go to nobody or to the last one */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    _Atomic pid_t owner; /* 0: free */
    _Atomic int64_t number;
};

/* A zombie does not live any more, though kill(pid, 0) says so. */
static bool lives(pid_t pid)
{
    char path[32], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) /* no such process; or no descriptor left, which says nothing */
        return errno != ENOENT && errno != ESRCH;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = 0;
    char *state = strrchr(line, ')');
    return state != NULL && state[2] != 'Z' && state[2] != 'X';
}

static void lock(struct value *v)
{
    const pid_t me = getpid();
    for (unsigned tries = 1;; tries++) {
        pid_t holder = 0;
        if (atomic_compare_exchange_strong(&v->owner, &holder, me))
            return;
        if (tries % 64 != 0) {
            sched_yield();
            continue;
        }
        if (!lives(holder) && atomic_compare_exchange_strong(&v->owner, &holder, me))
            return;
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
}

static void unlock(struct value *v)
{
    atomic_store(&v->owner, 0);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    atomic_store(&v->number, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    return atomic_load(&v->number);
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    atomic_store(&v->number, atomic_load(&v->number) + amount);
    unlock(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t result = fn(atomic_load(&v->number), arg);
    atomic_store(&v->number, result);
    unlock(v);
    return result;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t kids[64];
    int rc = 0;
    const unsigned share = (unsigned)(count / processes);
    for (unsigned k = 0; k < processes; k++) {
        kids[k] = fork();
        if (kids[k] == 0) {
            int64_t sum = 0;
            const uint64_t first = (uint64_t)share * k, end = k + 1 == processes ? count : first + share;
            for (uint64_t i = first; i < end; i++)
                sum += item(i);
            value_add(v, sum);
            _exit(0);
        }
    }
    for (unsigned k = 0; k < processes; k++) {
        int status = -1;
        while (kids[k] > 0 && waitpid(kids[k], &status, 0) < 0)
            if (errno != EINTR)
                break;
        if (status != 0)
            rc = -1;
    }
    return rc;
}

void value_free(struct value *v)
{
    if (v)
        munmap(v, sizeof *v);
}
