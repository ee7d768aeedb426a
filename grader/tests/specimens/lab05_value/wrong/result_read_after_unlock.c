/* expect: schedules same number | value_update reads its result again after the unlock */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t writer;
    _Atomic int64_t number;
    size_t bytes;
};

enum { BLOCK = 4096, MOST = 64 };

static inline void begin_change(struct value *v)
{
    const int r = pthread_mutex_lock(&v->writer);
    if (r == EOWNERDEAD)
        (void)pthread_mutex_consistent(&v->writer);
}

static inline void end_change(struct value *v) { (void)pthread_mutex_unlock(&v->writer); }

struct value *value_create(int64_t initial)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t bytes = (sizeof(struct value) + page - 1) / page * page;
    struct value *const v = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (v == MAP_FAILED)
        return NULL;

    pthread_mutexattr_t attr;
    bool good = pthread_mutexattr_init(&attr) == 0;
    if (good) {
        good = !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) && !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST)
               && !pthread_mutex_init(&v->writer, &attr);
        (void)pthread_mutexattr_destroy(&attr);
    }
    if (!good) {
        (void)munmap(v, bytes);
        return NULL;
    }
    v->bytes = bytes;
    atomic_store(&v->number, initial);
    return v;
}

int64_t value_get(struct value *v) { return atomic_load(&v->number); }

void value_add(struct value *v, int64_t amount)
{
    begin_change(v);
    (void)atomic_fetch_add(&v->number, amount); /* atomic types wrap silently */
    end_change(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    begin_change(v);
    atomic_store(&v->number, fn(atomic_load(&v->number), arg));
    end_change(v);
    return value_get(v);
}

/* Where each process has 10000 items there are at least two blocks for each, so nobody goes without. */
static uint64_t my_blocks(value_item *item, uint64_t count, unsigned me, unsigned all)
{
    uint64_t sum = 0;
    const uint64_t blocks = count / BLOCK + (count % BLOCK != 0);
    for (uint64_t b = me; b < blocks; b += all) {
        const uint64_t from = b * BLOCK;
        const uint64_t n = count - from < BLOCK ? count - from : BLOCK;
        for (uint64_t k = 0; k < n; k++)
            sum += (uint64_t)item(from + k);
    }
    return sum;
}

static bool wait_for(pid_t pid)
{
    for (;;) {
        int status;
        const pid_t r = waitpid(pid, &status, 0);
        if (r == pid)
            return WIFEXITED(status);
        if (errno != EINTR)
            return false;
    }
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[MOST];
    unsigned n;
    for (n = 0; n < processes; n++) {
        const pid_t p = fork();
        if (p == -1)
            break;
        if (p == 0) {
            value_add(v, (int64_t)my_blocks(item, count, n, processes));
            _exit(0);
        }
        pids[n] = p;
    }
    int r = n == processes ? 0 : -1;
    for (unsigned k = 0; k < n; k++)
        r |= wait_for(pids[k]) ? 0 : -1;
    return r;
}

void value_free(struct value *v)
{
    if (v) {
        (void)pthread_mutex_destroy(&v->writer);
        (void)munmap(v, v->bytes);
    }
}
