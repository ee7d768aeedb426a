/* expect: schedules assertion | the stack of ranges still to be computed is popped by compare-and-swap of an index that may have come back (ABA) */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex;
    int64_t number;
};

/*
 * Divide and conquer: a process takes a range off the stack; if it is large, it puts one half back and goes on with the
 * other. Nodes come from a second stack and go back there, so a few are enough for any count. What each does first is its
 * own, for the stack may be empty when a process comes to life.
 */
enum { NODES = 200, NONE = NODES };

struct node {
    uint64_t first, end;
    atomic_int next;
};

struct work {
    atomic_int ranges, spare; /* two stacks */
    struct node nodes[NODES];
};

static void push(struct work *work, atomic_int *stack, int n)
{
    int top = atomic_load(stack);
    do
        atomic_store(&work->nodes[n].next, top);
    while (!atomic_compare_exchange_weak(stack, &top, n));
}

static int pop(struct work *work, atomic_int *stack)
{
    int top = atomic_load(stack);
    while (top != NONE && !atomic_compare_exchange_strong(stack, &top, atomic_load(&work->nodes[top].next)))
        continue;
    return top;
}

static int64_t take_part(struct work *work, value_item *item, uint64_t small)
{
    int64_t sum = 0;
    int mine, half;
    while ((mine = pop(work, &work->ranges)) != NONE) {
        uint64_t first = work->nodes[mine].first, end = work->nodes[mine].end;
        while (end - first > small && (half = pop(work, &work->spare)) != NONE) {
            const uint64_t middle = first + (end - first) / 2;
            work->nodes[half].first = middle;
            work->nodes[half].end = end;
            push(work, &work->ranges, half);
            end = middle;
        }
        for (; first < end; first++)
            sum += item(first);
        push(work, &work->spare, mine);
    }
    return sum;
}

static void lock(struct value *v)
{
    if (pthread_mutex_lock(&v->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&v->mutex);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t a;
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->mutex, &a);
    pthread_mutexattr_destroy(&a);
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    lock(v);
    const int64_t n = v->number;
    pthread_mutex_unlock(&v->mutex);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    v->number += amount;
    pthread_mutex_unlock(&v->mutex);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    const int64_t n = fn(v->number, arg);
    v->number = n;
    pthread_mutex_unlock(&v->mutex);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct work *work = mmap(NULL, sizeof *work, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[64];
    const uint64_t own = count / processes / 8;
    int result = 0;
    if (work == MAP_FAILED)
        return -1;
    atomic_init(&work->ranges, NONE);
    atomic_init(&work->spare, NONE);
    for (int n = (int)processes; n-- > 0;) {
        work->nodes[n].first = count * (uint64_t)n / processes + own;
        work->nodes[n].end = count * ((uint64_t)n + 1) / processes;
        push(work, &work->ranges, n);
    }
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            int64_t sum = 0;
            for (uint64_t i = 0; i < own; i++)
                sum += item(count * p / processes + i);
            value_add(v, sum + take_part(work, item, count / (processes * 6) + 1));
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = -1;
        while (pids[p] > 0 && waitpid(pids[p], &status, 0) < 0 && errno == EINTR)
            continue;
        if (status != 0)
            result = -1;
    }
    munmap(work, sizeof *work);
    return result;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, sizeof *v);
}
