/* expect: right | each process keeps its sum in shared memory, item after item, in a cache line of its own; blocks of 500 items */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED(size) mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)

struct value {
    pthread_mutex_t mutex;
    int64_t number;
};

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t robust;
    struct value *value = SHARED(sizeof(struct value));
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    const int error = pthread_mutex_init(&value->mutex, &robust);
    pthread_mutexattr_destroy(&robust);
    if (error != 0) {
        munmap(value, sizeof(struct value));
        return NULL;
    }
    value->number = initial;
    return value;
}

/* What holds the mutex has not changed the number unless it is done. */
static void take(struct value *value)
{
    if (pthread_mutex_lock(&value->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&value->mutex);
}

int64_t value_get(struct value *value)
{
    take(value);
    const int64_t number = value->number;
    pthread_mutex_unlock(&value->mutex);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    take(value);
    value->number += amount;
    pthread_mutex_unlock(&value->mutex);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    take(value);
    const int64_t number = fn(value->number, arg);
    value->number = number;
    pthread_mutex_unlock(&value->mutex);
    return number;
}

enum { MOST = 64, LINE = 64, BLOCK = 500 };

struct board {
    alignas(LINE) _Atomic uint64_t blocks; /* given out so far, beyond the first of each process */
    struct {
        alignas(LINE) int64_t sum;
    } lanes[MOST];
};

static void add_block(int64_t *sum, value_item *item, uint64_t block, uint64_t count)
{
    const uint64_t from = block * BLOCK, to = count - from < BLOCK ? count : from + BLOCK;
    for (uint64_t i = from; i < to; i++)
        *sum += item(i);
}

/* Process p has block p for sure, so none goes without. */
static void help(struct board *board, unsigned p, unsigned processes, value_item *item, uint64_t count)
{
    const uint64_t blocks = count / BLOCK + (count % BLOCK != 0);
    for (uint64_t block = p; block < blocks; block = processes + atomic_fetch_add(&board->blocks, 1))
        add_block(&board->lanes[p].sum, item, block, count);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[MOST];
    unsigned started = 0;
    struct board *board = SHARED(sizeof(struct board));
    if (board == MAP_FAILED)
        return -1;
    while (started < processes && (pids[started] = fork()) >= 0) {
        if (pids[started] == 0) {
            help(board, started, processes, item, count);
            _exit(0);
        }
        started++;
    }
    int failed = started < processes;
    int64_t sum = 0;
    for (unsigned p = 0; p < started; p++) {
        int status = 0;
        while (waitpid(pids[p], &status, 0) < 0 && errno == EINTR)
            ;
        failed |= status != 0;
        sum += board->lanes[p].sum;
    }
    munmap(board, sizeof(struct board));
    value_add(value, sum);
    return failed ? -1 : 0;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->mutex);
    munmap(value, sizeof(struct value));
}
