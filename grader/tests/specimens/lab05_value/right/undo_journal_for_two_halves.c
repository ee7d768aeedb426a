/* expect: right | the number in two halves, with a journal that is rolled back after a death between them */
/*
 * lab05: question 2 of the README taken seriously. The number is kept in two halves that must fit together, the way
 * one would keep a larger record. A writer that dies between the halves leaves nonsense behind; therefore the old
 * state is put into a journal first, and whoever inherits the lock rolls it back.
 *
 * All fields below are written by the holder of the mutex only. They are atomics because the order of the stores counts:
 * another process looks at them after a death at any instruction.
 */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct halves
{
    _Atomic uint32_t upper;
    _Atomic uint32_t lower;
};

struct value
{
    pthread_mutex_t mutex;
    struct halves   state;
    struct halves   journal;
    atomic_int      journal_valid;   /* 1: `state` may be half written, `journal` holds what it was */
};

static int64_t read_halves(struct halves *h)
{
    uint64_t upper = atomic_load(&h->upper);
    uint64_t lower = atomic_load(&h->lower);

    return (int64_t)(upper << 32 | lower);
}

static void write_halves(struct halves *h, int64_t number)
{
    atomic_store(&h->upper, (uint32_t)((uint64_t)number >> 32));
    atomic_store(&h->lower, (uint32_t)number);
}

/* The transaction: journal, flag up, state, flag down. Its last store is the commit. */
static void replace(struct value *value, int64_t number)
{
    write_halves(&value->journal, read_halves(&value->state));
    atomic_store(&value->journal_valid, 1);
    write_halves(&value->state, number);
    atomic_store(&value->journal_valid, 0);
}

/* May itself be interrupted by a death anywhere: done again, it does the same. */
static void roll_back(struct value *value)
{
    if (atomic_load(&value->journal_valid))
    {
        write_halves(&value->state, read_halves(&value->journal));
        atomic_store(&value->journal_valid, 0);
    }
}

static void acquire(struct value *value)
{
    if (pthread_mutex_lock(&value->mutex) == EOWNERDEAD)
    {
        roll_back(value);
        pthread_mutex_consistent(&value->mutex);
    }
}

static void release(struct value *value)
{
    pthread_mutex_unlock(&value->mutex);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attr;
    struct value       *value;

    value = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (value == MAP_FAILED)
    {
        return NULL;
    }

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->mutex, &attr);
    pthread_mutexattr_destroy(&attr);

    write_halves(&value->state, initial);
    return value;
}

void value_free(struct value *value)
{
    if (value != NULL)
    {
        pthread_mutex_destroy(&value->mutex);
        munmap(value, sizeof(struct value));
    }
}

int64_t value_get(struct value *value)
{
    int64_t number;

    acquire(value);
    number = read_halves(&value->state);
    release(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    acquire(value);
    replace(value, (int64_t)((uint64_t)read_halves(&value->state) + (uint64_t)amount));
    release(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t number;

    acquire(value);
    number = fn(read_halves(&value->state), arg);
    replace(value, number);
    release(value);
    return number;
}

/*
 * The reduction deals out blocks of 1024 items in turn, like cards: worker w gets blocks w, w + P, w + 2P, ...
 */
#define BLOCK 1024u

static uint64_t hand_of(unsigned worker, unsigned workers, uint64_t count, value_item *item)
{
    uint64_t sum = 0;
    uint64_t start = (uint64_t)worker * BLOCK;
    uint64_t round = (uint64_t)workers * BLOCK;

    while (start < count)
    {
        uint64_t left = count - start;
        uint64_t n = left < BLOCK ? left : BLOCK;

        for (uint64_t k = 0; k < n; k++)
        {
            sum += (uint64_t)item(start + k);
        }
        if (left <= round)
        {
            break;
        }
        start += round;
    }
    return sum;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    _Atomic uint64_t *reported;   /* a bit for each worker that has delivered */
    uint64_t          expected = 0;
    pid_t             pids[64];
    unsigned          w;
    int               result = 0;

    reported = mmap(NULL, sizeof *reported, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
    if (reported == MAP_FAILED)
    {
        return -1;
    }

    for (w = 0; w < processes; w++)
    {
        pids[w] = fork();
        if (pids[w] == -1)
        {
            result = -1;
            break;
        }
        if (pids[w] == 0)
        {
            value_add(value, (int64_t)hand_of(w, processes, count, item));
            atomic_fetch_or(reported, (uint64_t)1 << w);
            _exit(0);
        }
        expected |= (uint64_t)1 << w;
    }

    while (w > 0)
    {
        int   status = 0;
        pid_t pid;

        w--;
        do
        {
            pid = waitpid(pids[w], &status, 0);
        } while (pid == -1 && errno == EINTR);
        if (pid != -1 && WIFSIGNALED(status))
        {
            result = -1;
        }
    }
    if (atomic_load(reported) != expected)
    {
        result = -1;
    }
    munmap(reported, sizeof *reported);
    return result;
}
