/* expect: tests along; schedules lost-wake-up | a process-shared POSIX semaphore has no owner, so nobody knows that it died */
#include "value.h"

#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    sem_t sem;
    int64_t v;
};

#define LOCK   sem_wait(&value->sem)
#define UNLOCK sem_post(&value->sem)

struct value *value_create(int64_t initial)
{
    struct value *value = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    sem_init(&value->sem, 1, 1);
    value->v = initial;
    return value;
}

int64_t value_get(struct value *value)
{
    int64_t r;
    LOCK;
    r = value->v;
    UNLOCK;
    return r;
}

void value_add(struct value *value, int64_t amount)
{
    LOCK;
    value->v += amount;
    UNLOCK;
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t r;
    LOCK;
    r = value->v = fn(value->v, arg);
    UNLOCK;
    return r;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int st, bad = 0;
    uint64_t i;
    for (unsigned p = 0; p < processes; p++)
        if ((pid[p] = fork()) == 0) {
            int64_t s = 0;
            for (i = p; i < count; i += processes)
                s += item(i);
            value_add(value, s);
            _exit(0);
        }
    for (unsigned p = 0; p < processes; p++)
        if (waitpid(pid[p], &st, 0) < 0 || st)
            bad = 1;
    return -bad;
}

void value_free(struct value *value)
{
    if (!value)
        return;
    sem_destroy(&value->sem);
    munmap(value, sizeof(struct value));
}
