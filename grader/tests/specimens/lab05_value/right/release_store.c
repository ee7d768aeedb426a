/* expect: right | writers hold a robust mutex taken by timedlock again and again; get is a single acquire load */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
    _Atomic(int64_t) n;
    pthread_mutex_t m;
};

/* One second from now; a time-out only means that it is tried once more. */
static void lock_or_try_again(struct value *v)
{
    int e;
    do {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        e = pthread_mutex_timedlock(&v->m, &until);
    } while (e == ETIMEDOUT);
    if (e == EOWNERDEAD)
        pthread_mutex_consistent(&v->m);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t a;
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&v->m, &a);
    pthread_mutexattr_destroy(&a);
    atomic_init(&v->n, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    return atomic_load_explicit(&v->n, memory_order_acquire);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock_or_try_again(v);
    int64_t n = fn(atomic_load_explicit(&v->n, memory_order_relaxed), arg);
    atomic_store_explicit(&v->n, n, memory_order_release);
    pthread_mutex_unlock(&v->m);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    lock_or_try_again(v);
    atomic_fetch_add_explicit(&v->n, amount, memory_order_release);
    pthread_mutex_unlock(&v->m);
}

/* Small blocks in turn, counted in shared memory, but the first one of each process is its own, so that none goes without.
 * Each process adds what it has every now and then. */
static const uint64_t block = 4096;

static void work(struct value *v, value_item *item, uint64_t count, uint64_t at, _Atomic(uint64_t) *next)
{
    int64_t sum = 0;
    unsigned done = 0;
    for (; at < count; at = atomic_fetch_add_explicit(next, block, memory_order_relaxed)) {
        for (uint64_t i = at; i < at + block && i < count; i++)
            sum += item(i);
        if (++done % 256 == 0) {
            value_add(v, sum);
            sum = 0;
        }
    }
    value_add(v, sum);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    _Atomic(uint64_t) *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[64];
    unsigned started, deaths = 0;
    if (next == MAP_FAILED)
        return -1;
    atomic_init(next, block * processes);
    for (started = 0; started < processes; started++) {
        pids[started] = fork();
        if (pids[started] < 0)
            break;
        if (pids[started] == 0) {
            work(v, item, count, block * started, next);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < started; i++) {
        int status;
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        deaths += status != 0;
    }
    munmap(next, sizeof *next);
    return started == processes && deaths == 0 ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->m);
    munmap(v, sizeof *v);
}
