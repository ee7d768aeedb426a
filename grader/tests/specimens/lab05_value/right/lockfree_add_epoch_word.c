/* expect: right | additions by compare-and-swap on a word with an epoch and a closed bit, updates close it under a robust mutex; partial sums are added while the reduction runs */
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

/*
 * Additions without a lock, beside updates with one.
 *
 *     value = base[epoch % 2] + small
 *
 *     word:   epoch (23 bits) | closed (1 bit) | small (40 bits, signed)
 *
 * value_add swaps in a word with a larger `small`, provided that the word is not closed. An update has the mutex, and
 * first closes the word: from then on additions fail and go and wait at the mutex like everybody else, so none comes
 * between what fn is given and what it returns. The result is put into the base that is not in use; then one store
 * of the word opens it, makes small 0 and goes to the next epoch. That store is the commit. Before it nothing has happened: if
 * the process dies, the next owner of the mutex opens the word again.
 *
 * An addition that does not fit into `small` is made like an update.
 */

#define SMALL_BITS  40
#define SMALL_MASK  ((UINT64_C(1) << SMALL_BITS) - 1)
#define CLOSED      (UINT64_C(1) << SMALL_BITS)
#define EPOCH_SHIFT (SMALL_BITS + 1)

struct value {
    _Atomic uint64_t word;
    _Atomic int64_t base[2];
    pthread_mutex_t mutex;
};

static uint64_t epoch_of(uint64_t word)
{
    return word >> EPOCH_SHIFT;
}

static int64_t small_of(uint64_t word)
{
    uint64_t small = word & SMALL_MASK;
    uint64_t sign = UINT64_C(1) << (SMALL_BITS - 1);
    return (int64_t)(small ^ sign) - (int64_t)sign;
}

static bool fits(int64_t small)
{
    int64_t limit = INT64_C(1) << (SMALL_BITS - 1);
    return -limit <= small && small < limit;
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Begins a change under the mutex; returns the value, which stays as it is until end_change. */
static int64_t begin_change(struct value *v)
{
    if (pthread_mutex_lock(&v->mutex) == EOWNERDEAD) {
        /* The word may have been left closed. It is closed next anyway; but we may die before, so: */
        atomic_fetch_and(&v->word, ~CLOSED);
        pthread_mutex_consistent(&v->mutex);
    }
    uint64_t word = atomic_fetch_or(&v->word, CLOSED);
    return wrapping_sum(atomic_load(&v->base[epoch_of(word) % 2]), small_of(word));
}

static void end_change(struct value *v, int64_t result)
{
    uint64_t next = epoch_of(atomic_load(&v->word)) + 1;
    atomic_store(&v->base[next % 2], result);
    atomic_store(&v->word, next << EPOCH_SHIFT);
    pthread_mutex_unlock(&v->mutex);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    atomic_store(&v->base[0], initial);
    return v;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, sizeof(*v));
}

int64_t value_get(struct value *v)
{
    for (;;) {
        uint64_t word = atomic_load(&v->word);
        int64_t base = atomic_load(&v->base[epoch_of(word) % 2]);
        /* this base is written again in the next epoch only: if we are still in ours, the two belong together */
        if (epoch_of(atomic_load(&v->word)) == epoch_of(word))
            return wrapping_sum(base, small_of(word));
    }
}

void value_add(struct value *v, int64_t amount)
{
    uint64_t word = atomic_load(&v->word);
    while (!(word & CLOSED) && fits(amount) && fits(small_of(word) + amount)) {
        uint64_t small = (uint64_t)(small_of(word) + amount) & SMALL_MASK;
        if (atomic_compare_exchange_weak(&v->word, &word, (word & ~SMALL_MASK) | small))
            return;
    }
    end_change(v, wrapping_sum(begin_change(v), amount));
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t result = fn(begin_change(v), arg);
    end_change(v, result);
    return result;
}

/* A worker adds what it has every 100000 items: it costs next to nothing here, and the value grows while one looks. */

static void part(struct value *v, value_item *item, uint64_t begin, uint64_t end)
{
    while (begin < end) {
        uint64_t n = end - begin < 100000 ? end - begin : 100000;
        uint64_t sum = 0;
        for (uint64_t i = 0; i < n; i++)
            sum += (uint64_t)item(begin + i);
        value_add(v, (int64_t)sum);
        begin += n;
    }
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    atomic_uint *complete = mmap(NULL, sizeof(*complete), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (complete == MAP_FAILED)
        return -1;

    pid_t pid[64];
    unsigned n;
    uint64_t begin = 0;
    for (n = 0; n < processes; n++) {
        uint64_t end = begin + (count - begin) / (processes - n);
        pid[n] = fork();
        if (pid[n] == 0) {
            part(v, item, begin, end);
            atomic_fetch_add(complete, 1);
            _exit(0);
        }
        if (pid[n] < 0)
            break;
        begin = end;
    }

    bool signalled = false;
    for (unsigned k = n; k-- > 0;) {
        int status = 0;
        pid_t r;
        while ((r = waitpid(pid[k], &status, 0)) < 0 && errno == EINTR) {
        }
        if (r > 0)
            signalled |= WIFSIGNALED(status);
    }
    bool ok = !signalled && atomic_load(complete) == processes;
    munmap(complete, sizeof(*complete));
    return ok ? 0 : -1;
}
