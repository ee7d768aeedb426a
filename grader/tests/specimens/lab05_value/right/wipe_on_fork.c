/* expect: right; schedules NOT_RUN | record lock between processes; between threads a word in a page that the kernel wipes on fork */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The handle is ordinary memory: every process has its own copy, with the same descriptor and the same addresses in it. */
struct value {
    int file;         /* its record lock belongs to the process: freed by the kernel when the process ends, not inherited */
    int64_t *number;  /* shared by all processes */
    atomic_int *busy; /* 1: a thread of THIS process is in. MADV_WIPEONFORK: a child starts with 0, whatever the parent's threads do */
};

static const size_t PAGE_BYTES = 4096;

static void rest(unsigned *round)
{
    struct timespec t = {0, *round < 10 ? 1000 : 100000};
    ++*round;
    nanosleep(&t, NULL);
}

static int record(int file, int command, short type)
{
    struct flock f = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    return fcntl(file, command, &f);
}

static void acquire(struct value *v)
{
    unsigned round = 0;
    while (atomic_exchange_explicit(v->busy, 1, memory_order_acquire) != 0)
        rest(&round);
    /* EDEADLK may be a false alarm: the kernel sees processes where threads wait. EINTR: a signal. ENOLCK: comes back. */
    while (record(v->file, F_SETLKW, F_WRLCK) == -1)
        if (errno != EINTR)
            rest(&round);
}

static void release(struct value *v)
{
    while (record(v->file, F_SETLK, F_UNLCK) == -1)
        ;
    atomic_store_explicit(v->busy, 0, memory_order_release);
}

struct value *value_create(int64_t initial)
{
    void *shared = MAP_FAILED, *own = MAP_FAILED;
    struct value *v = malloc(sizeof *v);
    if (!v)
        return NULL;
    v->file = memfd_create("value", MFD_CLOEXEC);
    if (v->file == -1)
        goto fail;
    if (ftruncate(v->file, (off_t)PAGE_BYTES) == -1)
        goto fail;
    shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, v->file, 0);
    own = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || own == MAP_FAILED)
        goto fail;
    if (madvise(own, PAGE_BYTES, MADV_WIPEONFORK) == -1)
        goto fail;
    v->number = shared;
    v->busy = own;
    atomic_init(v->busy, 0);
    *v->number = initial;
    return v;
fail:
    if (own != MAP_FAILED)
        munmap(own, PAGE_BYTES);
    if (shared != MAP_FAILED)
        munmap(shared, PAGE_BYTES);
    if (v->file != -1)
        close(v->file);
    free(v);
    return NULL;
}

int64_t value_get(struct value *v)
{
    acquire(v);
    int64_t now = *v->number;
    release(v);
    return now;
}

void value_add(struct value *v, int64_t amount)
{
    acquire(v);
    __builtin_add_overflow(*v->number, amount, v->number);
    release(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    acquire(v);
    const int64_t result = fn(*v->number, arg);
    *v->number = result;
    release(v);
    return result;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned forked = 0;
    const uint64_t share = count / processes;

    do {
        uint64_t first = share * forked, past = forked + 1 == processes ? count : first + share;
        pids[forked] = fork();
        if (pids[forked] == 0) {
            int64_t sum = 0;
            for (uint64_t i = first; i < past; i++)
                __builtin_add_overflow(sum, item(i), &sum);
            value_add(v, sum);
            _exit(0);
        }
    } while (pids[forked] > 0 && ++forked < processes);

    int answer = forked < processes ? -1 : 0;
    for (unsigned i = 0; i < forked; i++) {
        int status;
        pid_t r;
        while ((r = waitpid(pids[i], &status, 0)) == -1 && errno == EINTR)
            ;
        if (r == -1 || !WIFEXITED(status))
            answer = -1;
    }
    return answer;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    munmap(v->busy, PAGE_BYTES);
    munmap(v->number, PAGE_BYTES);
    close(v->file);
    free(v);
}
