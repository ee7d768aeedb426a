/* expect: tests of the first waits | fcntl says EDEADLK where processes, not threads, wait for each other, and the code goes in all the same */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int fd;
    int64_t *num;           /* in the file, shared */
    _Atomic pid_t occupied; /* private: pid of this process while one of its threads is inside; another pid is the
                               parent's business, copied by fork */
};

#define WHOLE_FILE(type) (&(struct flock){.l_type = (type), .l_whence = SEEK_SET})

static void P(struct value *v)
{
    const pid_t me = getpid();
    for (;;) {
        pid_t there = atomic_load(&v->occupied);
        if (there != me && atomic_compare_exchange_weak(&v->occupied, &there, me))
            break;
        sched_yield();
    }

    int rc;
    do
        rc = fcntl(v->fd, F_SETLKW, WHOLE_FILE(F_WRLCK));
    while (rc < 0 && errno == EINTR);
}

static void V(struct value *v)
{
    fcntl(v->fd, F_SETLK, WHOLE_FILE(F_UNLCK));
    atomic_store(&v->occupied, 0);
}

struct value *value_create(int64_t initial)
{
    struct value *v = malloc(sizeof *v);
    int fd = memfd_create("number", 0);
    int64_t *num = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *num) == 0)
        num = mmap(NULL, sizeof *num, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (v == NULL || num == MAP_FAILED) {
        if (num != MAP_FAILED)
            munmap(num, sizeof *num);
        if (fd >= 0)
            close(fd);
        free(v);
        return NULL;
    }
    *num = initial;
    v->fd = fd;
    v->num = num;
    atomic_init(&v->occupied, 0);
    return v;
}

int64_t value_get(struct value *v)
{
    int64_t n;
    P(v);
    n = *v->num;
    V(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    P(v);
    *v->num += amount;
    V(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t n;
    P(v);
    n = fn(*v->num, arg);
    *v->num = n;
    V(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pid[64];
    int status, ret = 0;
    unsigned i;

    for (i = 0; i < processes; i++) {
        switch (pid[i] = fork()) {
        case -1:
            ret = -1;
            break;
        case 0: {
            int64_t s = 0;
            for (uint64_t k = i; k < count; k += processes)
                s += item(k);
            value_add(v, s);
            _exit(0);
        }
        }
    }
    for (i = 0; i < processes; i++) {
        if (pid[i] == -1)
            continue;
        while (waitpid(pid[i], &status, 0) == -1 && errno == EINTR)
            ;
        if (WIFSIGNALED(status))
            ret = -1;
    }
    return ret;
}

void value_free(struct value *v)
{
    if (v != NULL) {
        munmap(v->num, sizeof *v->num);
        close(v->fd);
        free(v);
    }
}
