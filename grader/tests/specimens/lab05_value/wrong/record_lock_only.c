/* expect: tests threads; schedules data-race | a record lock keeps processes apart, but not threads */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int fd;
    int64_t n;
};

/* F_SETLKW: waits. F_WRLCK and F_UNLCK for the whole file. */
static void region(struct value *v, short type)
{
    struct flock all = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    int r;
    do
        r = fcntl(v->fd, F_SETLKW, &all);
    while (r == -1 && errno == EINTR);
}

struct value *value_create(int64_t initial)
{
    int fd = memfd_create("v", MFD_CLOEXEC);
    if (fd == -1)
        return NULL;
    if (ftruncate(fd, (off_t)sizeof(struct value)) == 0) {
        struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (v != MAP_FAILED) {
            v->fd = fd;
            v->n = initial;
            return v;
        }
    }
    close(fd);
    return NULL;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    int fd = v->fd;
    munmap(v, sizeof *v);
    close(fd);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    region(v, F_WRLCK);
    int64_t n = fn(v->n, arg);
    v->n = n;
    region(v, F_UNLCK);
    return n;
}

int64_t value_get(struct value *v)
{
    region(v, F_WRLCK);
    int64_t n = v->n;
    region(v, F_UNLCK);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    region(v, F_WRLCK);
    v->n += amount;
    region(v, F_UNLCK);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t workers[64], *end = workers, *w;
    int lost = 0;
    for (; end < workers + processes; end++) {
        unsigned number = (unsigned)(end - workers);
        *end = fork();
        if (*end == -1)
            break;
        if (*end == 0) {
            int64_t sum = 0;
            for (uint64_t i = number; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(0);
        }
    }
    lost = (int)(workers + processes - end);
    for (w = workers; w < end; w++) {
        int status;
        while (waitpid(*w, &status, 0) == -1)
            ;
        lost += status != 0;
    }
    return lost == 0 ? 0 : -1;
}
