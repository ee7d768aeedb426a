/* expect: tests lost; schedules data-race | flock on the inherited descriptor: all processes own the same lock */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two locks, one after the other: a mutex for the threads of this process, then the file's lock for the processes. The
 * kernel gives a file lock back when its holder dies. */

struct value {
    pthread_mutex_t threads;
    int file;
    int64_t *number;
};

static void begin(struct value *value)
{
    pthread_mutex_lock(&value->threads);
    while (flock(value->file, LOCK_EX) == -1 && errno == EINTR)
        ;
}

static void end(struct value *value)
{
    flock(value->file, LOCK_UN);
    pthread_mutex_unlock(&value->threads);
}

struct value *value_create(int64_t initial)
{
    struct value *value = malloc(sizeof *value);
    if (!value)
        return NULL;
    value->file = memfd_create("value", 0);
    if (value->file == -1 || ftruncate(value->file, sizeof(int64_t)) == -1)
        goto no;
    value->number = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, value->file, 0);
    if (value->number == MAP_FAILED)
        goto no;
    pthread_mutex_init(&value->threads, NULL);
    *value->number = initial;
    return value;
no:
    if (value->file != -1)
        close(value->file);
    free(value);
    return NULL;
}

int64_t value_get(struct value *value)
{
    begin(value);
    const int64_t number = *value->number;
    end(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    begin(value);
    *value->number += amount;
    end(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    begin(value);
    const int64_t number = fn(*value->number, arg);
    *value->number = number;
    end(value);
    return number;
}

static int64_t sum_of(value_item *item, uint64_t from, uint64_t to)
{
    int64_t sum = 0;
    while (from < to)
        sum += item(from++);
    return sum;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int result = 0;
    for (uint64_t p = 0; p < processes; p++) {
        pid[p] = fork();
        if (pid[p] == 0) {
            value_add(value, sum_of(item, count * p / processes, count * (p + 1) / processes));
            _exit(0);
        }
    }
    for (unsigned p = 0; p < processes; p++) {
        int status = 0;
        if (pid[p] == -1 || waitpid(pid[p], &status, 0) == -1 || !WIFEXITED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (!value)
        return;
    munmap(value->number, sizeof(int64_t));
    close(value->file);
    pthread_mutex_destroy(&value->threads);
    free(value);
}
