/* expect: tests signals_change_nothing | value_reduce sets SIGCHLD to its default, so that no handler takes its processes, and never gives the handler of the caller back */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct value {
    pthread_mutex_t writers;
    atomic_uint sequence; /* odd while the two halves are being written */
    atomic_uint low, high;
    int64_t old; /* what the halves were before the last change; for who has the mutex */
} value_t;

static int64_t join_halves(unsigned low, unsigned high)
{
    return (int64_t)((uint64_t)high << 32 | low);
}

/* By the one who has the mutex. */
static int64_t current(value_t *v)
{
    return join_halves(atomic_load_explicit(&v->low, memory_order_relaxed),
                       atomic_load_explicit(&v->high, memory_order_relaxed));
}

static void publish(value_t *v, int64_t number)
{
    unsigned s = atomic_load_explicit(&v->sequence, memory_order_relaxed);
    v->old = current(v);
    atomic_store_explicit(&v->sequence, s + 1, memory_order_release);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&v->low, (unsigned)((uint64_t)number & 0xffffffffu), memory_order_relaxed);
    atomic_store_explicit(&v->high, (unsigned)((uint64_t)number >> 32), memory_order_relaxed);
    atomic_store_explicit(&v->sequence, s + 2, memory_order_release);
}

/* Somebody was killed between the two halves: as if he had not begun. */
static void take_back(value_t *v)
{
    atomic_store_explicit(&v->low, (unsigned)((uint64_t)v->old & 0xffffffffu), memory_order_relaxed);
    atomic_store_explicit(&v->high, (unsigned)((uint64_t)v->old >> 32), memory_order_relaxed);
    atomic_fetch_add_explicit(&v->sequence, 1, memory_order_release);
}

static void lock(value_t *v)
{
    if (pthread_mutex_lock(&v->writers) != EOWNERDEAD)
        return;
    if (atomic_load_explicit(&v->sequence, memory_order_relaxed) % 2 != 0)
        take_back(v);
    pthread_mutex_consistent(&v->writers);
}

static void unlock(value_t *v)
{
    pthread_mutex_unlock(&v->writers);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attr;
    value_t *v = mmap(NULL, sizeof(value_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->writers, &attr);
    pthread_mutexattr_destroy(&attr);
    publish(v, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    for (int tries = 0; tries < 3; tries++) {
        unsigned before = atomic_load_explicit(&v->sequence, memory_order_acquire);
        int64_t seen = current(v);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(&v->sequence, memory_order_relaxed) == before)
            return seen;
    }
    lock(v);
    int64_t seen = current(v);
    unlock(v);
    return seen;
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock(v);
    int64_t number = fn(current(v), arg);
    publish(v, number);
    unlock(v);
    return number;
}

void value_add(struct value *v, int64_t amount)
{
    lock(v);
    publish(v, current(v) + amount);
    unlock(v);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t kids[64];
    int lost = 0;
    signal(SIGCHLD, SIG_DFL);
    for (unsigned k = 0; k < processes; ++k) {
        if ((kids[k] = fork()) != 0)
            continue;
        int64_t acc = 0;
        for (uint64_t i = k; i < count; i += processes)
            acc += item(i);
        value_add(v, acc);
        _exit(0);
    }
    for (unsigned k = 0; k < processes; ++k) {
        int how;
        if (kids[k] == -1) {
            ++lost;
            continue;
        }
    again:
        if (waitpid(kids[k], &how, 0) == -1) {
            if (errno == EINTR)
                goto again;
            ++lost;
        } else if (!WIFEXITED(how))
            ++lost;
    }
    return lost == 0 ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->writers);
    munmap(v, sizeof(value_t));
}
