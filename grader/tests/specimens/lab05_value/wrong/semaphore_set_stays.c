/* expect: tests System V semaphore | value_free unmaps its memory and leaves its semaphore set to the system */
/*
 * lab05 with a System V semaphore and SEM_UNDO: when a process ends, in whatever way, the kernel takes back what it
 * did to the semaphore, that is, opens the lock that it held. A forked child inherits no undo entries.
 *
 * semaphore 0: free, 1: somebody is at work. "Wait for 0, then add 1" is one indivisible operation.
 */
#define _GNU_SOURCE 1
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct value
{
    int sem;
    /* atomic for value_get, which does not ask the semaphore, and to make an order that the race checkers see */
    _Atomic int64_t number;
};

static void sem_do(struct value *value, struct sembuf *ops, size_t n)
{
    while (semop(value->sem, ops, n) == -1)
    {
        if (errno != EINTR)
            sched_yield(); /* ENOMEM for the undo entry: it will pass */
    }
}

static void lock(struct value *value)
{
    struct sembuf ops[2] =
    {
        { .sem_num = 0, .sem_op = 0, .sem_flg = 0 },
        { .sem_num = 0, .sem_op = 1, .sem_flg = SEM_UNDO },
    };
    sem_do(value, ops, 2);
}

static void unlock(struct value *value)
{
    struct sembuf op = { .sem_num = 0, .sem_op = -1, .sem_flg = SEM_UNDO };
    sem_do(value, &op, 1);
}

struct value *value_create(int64_t initial)
{
    struct value *value;

    value = mmap(NULL, sizeof(*value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;

    value->sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600); /* Linux: starts as 0 */
    if (value->sem == -1)
    {
        munmap(value, sizeof(*value));
        return NULL;
    }
    atomic_init(&value->number, initial);
    return value;
}

int64_t value_get(struct value *value)
{
    return atomic_load(&value->number);
}

void value_add(struct value *value, int64_t amount)
{
    lock(value);
    int64_t old = atomic_load(&value->number);
    atomic_store(&value->number, (int64_t)((uint64_t)old + (uint64_t)amount));
    unlock(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    int64_t old, new;

    lock(value);
    old = atomic_load(&value->number);
    new = fn(old, arg);
    atomic_store(&value->number, new);
    unlock(value);

    return new;
}

static int child_failed(pid_t pid)
{
    siginfo_t info;
    int failed;

    /* first look how it ended, then take it away */
    for (;;)
    {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0)
            break;
        if (errno != EINTR)
            return 1;
    }
    failed = info.si_code != CLD_EXITED || info.si_status != 0;

    while (waitpid(pid, NULL, 0) == -1)
    {
        if (errno != EINTR)
            return 1;
    }
    return failed;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned k, n = 0;
    uint64_t i, begin, end, sum;
    int result = 0;

    if (processes == 0 || processes > 64)
        return -1;

    end = 0;
    for (k = 0; k < processes; k++)
    {
        begin = end;
        end = begin + count / processes;
        if (k >= processes - count % processes) /* the last ones take the odd items */
            end++;

        pids[n] = fork();
        if (pids[n] == -1)
        {
            result = -1; /* the others may have more luck; their part is as good as this one */
            continue;
        }
        if (pids[n] == 0)
        {
            sum = 0;
            for (i = begin; i < end; i++)
                sum += (uint64_t)item(i);
            if (begin < end)
                value_add(value, (int64_t)sum);
            _exit(0);
        }
        n++;
    }

    for (k = 0; k < n; k++)
    {
        if (child_failed(pids[k]))
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL)
    {
        munmap(value, sizeof(*value));
    }
}
