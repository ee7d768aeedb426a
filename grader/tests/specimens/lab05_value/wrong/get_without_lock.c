/* expect: schedules data-race; races race | value_get reads without the lock */
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t key;
    int64_t amount;
};

/* Memory by name; the name goes at once, the memory when the last process has unmapped it. */
static void *map_shared(size_t bytes)
{
    static unsigned number;
    char name[64];
    void *memory = MAP_FAILED;
    snprintf(name, sizeof name, "/value-%ld-%u", (long)getpid(), number++);
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd == -1)
        return NULL;
    shm_unlink(name);
    if (ftruncate(fd, (off_t)bytes) == 0)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

struct value *value_create(int64_t initial)
{
    struct value *value = map_shared(sizeof *value);
    if (value == NULL)
        return NULL;
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->key, &how);
    pthread_mutexattr_destroy(&how);
    value->amount = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    return value->amount;
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int e = pthread_mutex_lock(&value->key);
    if (e == EOWNERDEAD)
        e = pthread_mutex_consistent(&value->key);
    if (e)
        abort();
    int64_t amount = fn(value->amount, arg);
    value->amount = amount;
    pthread_mutex_unlock(&value->key);
    return amount;
}

static int64_t sum(int64_t a, void *b)
{
    return a + *(int64_t *)b;
}

void value_add(struct value *value, int64_t amount)
{
    value_update(value, sum, &amount);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t kids[64];
    int bad = 0;
    for (unsigned k = 0; k < processes; k++) {
        kids[k] = fork();
        if (kids[k] == 0) {
            int64_t total = 0;
            for (uint64_t i = k; i < count; i += processes)
                total += item(i);
            value_add(value, total);
            _exit(0);
        }
    }
    for (unsigned k = 0; k < processes; k++) {
        int status = 0;
        if (kids[k] > 0)
            while (waitpid(kids[k], &status, 0) < 0 && errno == EINTR)
                continue;
        bad += kids[k] < 0 || status != 0;
    }
    return bad > 0 ? -1 : 0;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->key);
    munmap(value, sizeof *value);
}
