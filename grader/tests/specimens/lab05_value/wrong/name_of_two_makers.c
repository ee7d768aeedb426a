/* expect: schedules made_side_by_side | the memory has a name for a moment, made of the process's number only: two threads that make a value at once get the same memory */
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t lock;
    int64_t total;
};

static struct value *new_memory(void)
{
    char name[40];
    sprintf(name, "/value.%ld", (long)getpid());
    int fd = shm_open(name, O_CREAT | O_RDWR, S_IRUSR | S_IWUSR);
    if (fd == -1)
        return NULL;
    void *memory = MAP_FAILED;
    if (ftruncate(fd, sizeof(struct value)) == 0)
        memory = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shm_unlink(name); /* children inherit the mapping, nobody needs the name any more */
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

struct value *value_create(int64_t initial)
{
    struct value *value = new_memory();
    if (value == NULL)
        return NULL;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    value->total = initial;
    return value;
}

static void lock(struct value *value)
{
    if (pthread_mutex_lock(&value->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&value->lock);
}

static int64_t same(int64_t old, void *arg)
{
    (void)arg;
    return old;
}

static int64_t plus(int64_t old, void *arg)
{
    return old + *(int64_t *)arg;
}

/* Everything is an update. */
int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    lock(value);
    int64_t total = fn(value->total, arg);
    value->total = total;
    pthread_mutex_unlock(&value->lock);
    return total;
}

int64_t value_get(struct value *value)
{
    return value_update(value, same, NULL);
}

void value_add(struct value *value, int64_t amount)
{
    value_update(value, plus, &amount);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned n;
    int failed = 0;
    for (n = 0; n < processes; n++) {
        pids[n] = fork();
        if (pids[n] < 0) {
            failed = 1;
            break;
        }
        if (pids[n] == 0) {
            int64_t sum = 0;
            uint64_t i;
            for (i = n; i < count; i += processes)
                sum += item(i);
            value_add(value, sum);
            _exit(0);
        }
    }
    while (n-- > 0) {
        int status;
        while (waitpid(pids[n], &status, 0) == -1 && errno == EINTR) {
        }
        failed |= WIFSIGNALED(status);
    }
    return failed ? -1 : 0;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->lock);
    munmap(value, sizeof(struct value));
}
