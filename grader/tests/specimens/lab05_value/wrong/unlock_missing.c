/* expect: tests process; schedules deadlock | an update that changes nothing returns without unlocking */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_MEMORY PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0

struct value {
    pthread_mutex_t writer;
    _Atomic int64_t number; /* writers hold the mutex, readers need nothing */
};

static void start_writing(struct value *value)
{
    if (pthread_mutex_lock(&value->writer) == EOWNERDEAD)
        pthread_mutex_consistent(&value->writer);
}

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof *value, SHARED_MEMORY);
    if (value != MAP_FAILED) {
        pthread_mutexattr_t attr;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&value->writer, &attr);
        pthread_mutexattr_destroy(&attr);
        atomic_init(&value->number, initial);
        return value;
    }
    return NULL;
}

int64_t value_get(struct value *value)
{
    return value->number;
}

void value_add(struct value *value, int64_t amount)
{
    start_writing(value);
    value->number += amount;
    pthread_mutex_unlock(&value->writer);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    start_writing(value);
    const int64_t old = value->number;
    const int64_t new = fn(old, arg);
    if (new == old)
        return old; /* saves a write to the shared cache line */
    value->number = new;
    pthread_mutex_unlock(&value->writer);
    return new;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t team[64];
    int failed = 0;
    for (unsigned me = 0; me < processes; me++) {
        team[me] = fork();
        if (team[me] < 0) {
            failed = -1;
        } else if (team[me] == 0) {
            int64_t mine = 0;
            for (uint64_t i = me; i < count; i += processes)
                mine += item(i);
            value_add(value, mine);
            _exit(0);
        }
    }
    for (unsigned me = 0; me < processes; me++) {
        int status = 0;
        if (team[me] > 0 && waitpid(team[me], &status, 0) == team[me] && status != 0)
            failed = -1;
    }
    return failed;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->writer);
    munmap(value, sizeof *value);
}
