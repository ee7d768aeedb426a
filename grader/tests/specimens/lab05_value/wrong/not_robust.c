/* expect: tests along; schedules deadlock | a process-shared mutex that is not robust */
#include "value.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int64_t total;
    pthread_mutex_t mutex;
} cell;

struct value {
    cell *cell;
};

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t shared;
    struct value *value = malloc(sizeof *value);
    if (value == NULL)
        return NULL;
    value->cell = mmap(NULL, sizeof(cell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value->cell == MAP_FAILED) {
        free(value);
        return NULL;
    }
    value->cell->total = initial;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&value->cell->mutex, &shared);
    pthread_mutexattr_destroy(&shared);
    return value;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    munmap(value->cell, sizeof(cell));
    free(value);
}

int64_t value_get(struct value *value)
{
    cell *c = value->cell;
    pthread_mutex_lock(&c->mutex);
    int64_t total = c->total;
    pthread_mutex_unlock(&c->mutex);
    return total;
}

void value_add(struct value *value, int64_t amount)
{
    cell *c = value->cell;
    pthread_mutex_lock(&c->mutex);
    c->total += amount;
    pthread_mutex_unlock(&c->mutex);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    cell *c = value->cell;
    pthread_mutex_lock(&c->mutex);
    int64_t total = c->total = fn(c->total, arg);
    pthread_mutex_unlock(&c->mutex);
    return total;
}

/* The processes leave their sums in an array, and the caller adds up those of the processes that ended well. */
int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    const size_t bytes = 64 * 64;
    pid_t pids[64];
    int result = 0;
    char *rows = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned p = 0; p < processes; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            int64_t sum = 0;
            for (uint64_t i = p; i < count; i += processes)
                sum += item(i);
            *(int64_t *)(rows + 64 * p) = sum;
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int status;
        if (pids[p] > 0 && waitpid(pids[p], &status, 0) > 0 && status == 0)
            value_add(value, *(int64_t *)(rows + 64 * p));
        else
            result = -1;
    }
    munmap(rows, bytes);
    return result;
}
