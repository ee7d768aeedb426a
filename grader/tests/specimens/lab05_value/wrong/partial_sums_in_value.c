/* expect: tests same time | the partial sums lie in the value, and two reductions at once share them */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct board {
    _Atomic uint64_t next_block;
    struct {
        _Alignas(64) int64_t sum; /* written by its process once, read by the caller after the end of it */
        _Atomic int finished;
    } slot[64];
};

struct value {
    int64_t number;
    pthread_mutex_t mutex;
    struct board board; /* for reductions: no further mapping needed */
};

static void lock(struct value *value)
{
    for (unsigned tries = 0;; tries++) {
        int e = pthread_mutex_trylock(&value->mutex);
        if (e == 0)
            return;
        if (e == EOWNERDEAD) { /* now it is ours */
            pthread_mutex_consistent(&value->mutex);
            return;
        }
        if (tries < 50)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

struct value *value_create(int64_t initial)
{
    struct value *value = NULL;
    pthread_mutexattr_t attr;
    void *memory = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        goto out;
    if (pthread_mutexattr_init(&attr) != 0)
        goto out_unmap;
    if (pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0)
        goto out_attr;
    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0)
        goto out_attr;
    if (pthread_mutex_init(&((struct value *)memory)->mutex, &attr) != 0)
        goto out_attr;
    value = memory;
    value->number = initial;
out_attr:
    pthread_mutexattr_destroy(&attr);
out_unmap:
    if (value == NULL)
        munmap(memory, sizeof *value);
out:
    return value;
}

int64_t value_get(struct value *value)
{
    int64_t copy;
    lock(value);
    memcpy(&copy, &value->number, sizeof copy);
    pthread_mutex_unlock(&value->mutex);
    return copy;
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    value->number = (int64_t)((uint64_t)value->number + (uint64_t)amount);
    pthread_mutex_unlock(&value->mutex);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t result;
    lock(value);
    result = fn(value->number, arg);
    value->number = result;
    pthread_mutex_unlock(&value->mutex);
    return result;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    unsigned started = 0;
    int result = 0;
    uint64_t total = 0;
    uint64_t size = count / (32u * (uint64_t)processes) + 1;
    uint64_t blocks = count / size + (count % size != 0);

    /* count >= 10000 * processes: size <= count / (32 * processes) + 1, so there are more blocks than processes */
    struct board *board = &value->board;
    for (unsigned k = 0; k < processes; k++)
        atomic_store(&board->slot[k].finished, 0);
    atomic_store(&board->next_block, processes);

    for (started = 0; started < processes; started++) {
        pid[started] = fork();
        if (pid[started] == -1) {
            result = -1;
            atomic_store(&board->next_block, blocks > processes ? blocks : processes); /* the others may stop early */
            break;
        }
        if (pid[started] == 0) {
            uint64_t sum = 0;
            uint64_t block = started;
            while (block < blocks) {
                uint64_t begin = block * size;
                uint64_t n = count - begin < size ? count - begin : size;
                for (uint64_t i = 0; i < n; i++)
                    sum += (uint64_t)item(begin + i);
                block = atomic_fetch_add(&board->next_block, 1);
            }
            board->slot[started].sum = (int64_t)sum;
            atomic_store(&board->slot[started].finished, 1);
            _exit(0);
        }
    }
    for (unsigned k = 0; k < started; k++) {
        int status = 0;
        while (waitpid(pid[k], &status, 0) == -1 && errno == EINTR)
            ;
        /* with SIGCHLD ignored there is no status (ECHILD, after the end); the slot still tells */
        if (WIFSIGNALED(status) || !atomic_load(&board->slot[k].finished))
            result = -1;
        else
            total += (uint64_t)board->slot[k].sum;
    }
    if (total != 0)
        value_add(value, (int64_t)total);
    return result;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->mutex);
    munmap(value, sizeof *value);
}
