/* expect: tests copies | beside the file's lock each process has a mutex for its threads, which fork copies locked */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two levels, as fcntl locks are blind for threads:
 *     level 1   pthread mutex     one thread of this process
 *     level 2   fcntl lock        one process                  (released by the kernel if we crash) */
struct value {
    pthread_mutex_t level1;
    int level2;
    volatile int64_t *cell;
};

static bool file_lock(int fd, int how)
{
    struct flock region;
    memset(&region, 0, sizeof region);
    region.l_type = (short)how;
    region.l_whence = SEEK_SET;
    return fcntl(fd, F_SETLKW, &region) == 0;
}

static volatile int64_t *open_cell(struct value *value)
{
    pthread_mutex_lock(&value->level1);
    while (!file_lock(value->level2, F_WRLCK))
        if (errno == EDEADLK)
            sched_yield(); /* two threads of each side, not a real deadlock */
    return value->cell;
}

static void close_cell(struct value *value)
{
    file_lock(value->level2, F_UNLCK);
    pthread_mutex_unlock(&value->level1);
}

struct value *value_create(int64_t initial)
{
    struct value *value = calloc(1, sizeof *value);
    if (value == NULL)
        return NULL;

    value->level2 = memfd_create("cell", MFD_CLOEXEC);
    if (value->level2 >= 0 && ftruncate(value->level2, sizeof *value->cell) == 0) {
        void *cell = mmap(NULL, sizeof *value->cell, PROT_READ | PROT_WRITE, MAP_SHARED, value->level2, 0);
        if (cell != MAP_FAILED) {
            value->cell = cell;
            *value->cell = initial;
            pthread_mutex_init(&value->level1, NULL);
            return value;
        }
    }
    if (value->level2 >= 0)
        close(value->level2);
    free(value);
    return NULL;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->level1);
    munmap((void *)value->cell, sizeof *value->cell);
    close(value->level2);
    free(value);
}

int64_t value_get(struct value *value)
{
    const int64_t now = *open_cell(value);
    close_cell(value);
    return now;
}

void value_add(struct value *value, int64_t amount)
{
    *open_cell(value) += amount;
    close_cell(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    volatile int64_t *cell = open_cell(value);
    const int64_t now = fn(*cell, arg);
    *cell = now;
    close_cell(value);
    return now;
}

struct team {
    pid_t members[64];
    unsigned size;
};

static bool hire(struct team *team, struct value *value, value_item *item, uint64_t first, uint64_t last)
{
    const pid_t pid = fork();
    if (pid == 0) {
        int64_t sum = 0;
        for (uint64_t i = first; i < last; i++)
            sum += item(i);
        value_add(value, sum);
        _exit(0);
    }
    if (pid > 0)
        team->members[team->size++] = pid;
    return pid > 0;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    struct team team = {.size = 0};
    bool ok = true;
    for (unsigned p = 0; ok && p < processes; p++)
        ok = hire(&team, value, item, count * p / processes, count * (p + 1) / processes);
    while (team.size > 0) {
        const pid_t pid = team.members[--team.size];
        int status = -1;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        ok &= status == 0;
    }
    return ok ? 0 : -1;
}
