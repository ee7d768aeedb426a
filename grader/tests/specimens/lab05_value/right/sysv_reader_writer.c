/* expect: right | readers and writers by a pair of System V semaphores: a gate that a writer closes, a count of readers that it waits for; SEM_UNDO for both */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GATE = 0, READERS = 1 };

struct value {
    int set;
    int64_t number;
};

static void operate(struct value *v, struct sembuf *ops, size_t n)
{
    while (semop(v->set, ops, n) != 0)
        if (errno != EINTR)
            sched_yield(); /* the kernel has no memory for the undo entry at the moment */
}

static void reader_in(struct value *v)
{
    struct sembuf ops[] = {
        { .sem_num = GATE, .sem_op = 0, .sem_flg = 0 },
        { .sem_num = READERS, .sem_op = 1, .sem_flg = SEM_UNDO },
    };
    operate(v, ops, 2);
}

static void reader_out(struct value *v)
{
    struct sembuf ops[] = { { .sem_num = READERS, .sem_op = -1, .sem_flg = SEM_UNDO } };
    operate(v, ops, 1);
}

static void writer_in(struct value *v)
{
    struct sembuf close_gate[] = {
        { .sem_num = GATE, .sem_op = 0, .sem_flg = 0 },
        { .sem_num = GATE, .sem_op = 1, .sem_flg = SEM_UNDO },
    };
    struct sembuf drain[] = { { .sem_num = READERS, .sem_op = 0, .sem_flg = 0 } };
    operate(v, close_gate, 2);
    operate(v, drain, 1);
}

static void writer_out(struct value *v)
{
    struct sembuf ops[] = { { .sem_num = GATE, .sem_op = -1, .sem_flg = SEM_UNDO } };
    operate(v, ops, 1);
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    v->number = initial;
    v->set = semget(IPC_PRIVATE, 2, 0600);
    if (v->set < 0) {
        munmap(v, sizeof *v);
        return NULL;
    }
    /* A new set starts with zeros on Linux; POSIX leaves it open. */
    unsigned short zero[2] = { 0, 0 };
    union { int val; void *buf; unsigned short *array; } arg = { .array = zero };
    semctl(v->set, 0, SETALL, arg);
    return v;
}

/* The semaphores order everything, but a race checker sees atomics only. */
static int64_t load(struct value *v)
{
    return __atomic_load_n(&v->number, __ATOMIC_ACQUIRE);
}

static void store(struct value *v, int64_t n)
{
    __atomic_store_n(&v->number, n, __ATOMIC_RELEASE);
}

int64_t value_get(struct value *v)
{
    reader_in(v);
    int64_t n = load(v);
    reader_out(v);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    writer_in(v);
    store(v, (int64_t)((uint64_t)load(v) + (uint64_t)amount));
    writer_out(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    writer_in(v);
    int64_t n = fn(load(v), arg);
    store(v, n);
    writer_out(v);
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64];
    unsigned started = 0;
    int result = 0;
    for (; started < processes; started++) {
        pid_t pid = fork();
        if (pid < 0) {
            result = -1;
            break;
        }
        if (pid == 0) {
            uint64_t sum = 0;
            for (uint64_t i = started; i < count; i += processes)
                sum += (uint64_t)item(i);
            if (sum != 0)
                value_add(v, (int64_t)sum);
            _exit(0);
        }
        child[started] = pid;
    }
    while (started-- > 0) {
        int status;
        pid_t got;
        do
            got = waitpid(child[started], &status, 0);
        while (got < 0 && errno == EINTR);
        if (got < 0 || WIFSIGNALED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    semctl(v->set, 0, IPC_RMID);
    munmap(v, sizeof *v);
}
