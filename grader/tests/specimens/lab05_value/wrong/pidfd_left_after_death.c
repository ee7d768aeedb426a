/* expect: tests still_a_lock_after_deaths | the pidfd of an owner that has died is not closed: each death costs the waiter a descriptor */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    _Atomic int owner; /* pid, 0 when free */
    int64_t number;    /* only touched by the owner */
};

/* Waits a millisecond at most. True: process `pid` has ended. */
static bool has_ended(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 1) == 1)
        return true;
    close(fd);
    return false;
}

static void acquire(struct value *v)
{
    int me = getpid();
    for (;;) {
        int expected = 0;
        if (atomic_compare_exchange_weak_explicit(&v->owner, &expected, me, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        if (expected != 0 && has_ended(expected) &&
            atomic_compare_exchange_strong_explicit(&v->owner, &expected, me, memory_order_acquire,
                                                    memory_order_relaxed))
            return;
    }
}

static void release(struct value *v)
{
    atomic_store_explicit(&v->owner, 0, memory_order_release);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    atomic_init(&v->owner, 0);
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    acquire(v);
    int64_t n = v->number;
    release(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    acquire(v);
    v->number += amount;
    release(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    acquire(v);
    int64_t n = fn(v->number, arg);
    v->number = n;
    release(v);
    return n;
}

struct job {
    uint64_t from, to;
    pid_t pid;
};

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct job jobs[64];
    int result = 0;
    for (unsigned i = 0; i < processes; i++) {
        struct job *j = &jobs[i];
        j->from = i == 0 ? 0 : jobs[i - 1].to;
        j->to = j->from + (count - j->from) / (processes - i);
        j->pid = fork();
        if (j->pid == 0) {
            int64_t sum = 0;
            while (j->from < j->to)
                sum += item(j->from++);
            value_add(v, sum);
            _exit(0);
        }
    }
    for (struct job *j = jobs; j < jobs + processes; j++) {
        int status = 1;
        if (j->pid > 0)
            while (waitpid(j->pid, &status, 0) == -1 && errno == EINTR)
                continue;
        if (status != 0)
            result = -1;
    }
    return result;
}

void value_free(struct value *v)
{
    if (v != NULL)
        munmap(v, sizeof *v);
}
