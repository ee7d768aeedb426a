/* expect: tests left | when a fork fails value_reduce returns without waiting for those it has started */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    _Atomic int64_t number; /* written only by the holder of the semaphore */
    int sem;
};

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

/* The lock and the unlock both carry SEM_UNDO, so that the sum kept for the process is 0 whenever it holds nothing. */
static void sem_move(struct value *v, short by)
{
    struct sembuf op = {.sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO};
    while (semop(v->sem, &op, 1) == -1) {
        if (errno == EINTR)
            continue;
        if (errno == ENOMEM || errno == ENOSPC) { /* no room for the undo record: there will be */
            sched_yield();
            continue;
        }
        abort(); /* used after value_free */
    }
}

struct value *value_create(int64_t initial)
{
    struct value *v = NULL;
    int shm = shmget(IPC_PRIVATE, sizeof *v, IPC_CREAT | 0600);
    if (shm == -1)
        return NULL;
    void *at = shmat(shm, NULL, 0);
    shmctl(shm, IPC_RMID, NULL); /* lives on until the last process that has it attached goes */
    if (at == (void *)-1)
        return NULL;
    v = at;
    v->sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (v->sem == -1)
        goto no_sem;
    if (semctl(v->sem, 0, SETVAL, (union semun){.val = 1}) == -1)
        goto no_val;
    atomic_init(&v->number, initial);
    return v;
no_val:
    semctl(v->sem, 0, IPC_RMID);
no_sem:
    shmdt(v);
    return NULL;
}

int64_t value_get(struct value *v)
{
    return atomic_load_explicit(&v->number, memory_order_acquire); /* before the running update, by the contract */
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    sem_move(v, -1);
    /* acquire here and release below: what one fn did in its thread happens before the next fn */
    int64_t next = fn(atomic_load_explicit(&v->number, memory_order_acquire), arg);
    atomic_store_explicit(&v->number, next, memory_order_release);
    sem_move(v, +1);
    return next;
}

void value_add(struct value *v, int64_t amount)
{
    sem_move(v, -1);
    uint64_t n = (uint64_t)atomic_load_explicit(&v->number, memory_order_acquire) + (uint64_t)amount;
    atomic_store_explicit(&v->number, (int64_t)n, memory_order_release);
    sem_move(v, +1);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct {
        pid_t pid;
        uint64_t from, to;
    } job[64];
    unsigned running = 0;
    int rc = 0;
    uint64_t at = 0;

    /* the rest of the items is divided among the rest of the processes, one process at a time */
    for (unsigned left = processes; left > 0; left--) {
        uint64_t n = (count - at) / left;
        job[running].from = at;
        job[running].to = at += n;
        job[running].pid = fork();
        if (job[running].pid == 0) {
            uint64_t s = 0;
            for (uint64_t i = job[running].from; i != job[running].to; ++i)
                s += (uint64_t)item(i);
            value_add(v, (int64_t)s);
            _exit(EXIT_SUCCESS);
        }
        if (job[running].pid == -1)
            return -1;
        running++;
    }
    while (running-- > 0) {
        int how;
        while (waitpid(job[running].pid, &how, 0) == -1) {
            if (errno == EINTR)
                continue;
            how = 1; /* cannot know: count it as lost */
            break;
        }
        if (WIFSIGNALED(how))
            rc = -1;
    }
    return rc;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    semctl(v->sem, 0, IPC_RMID);
    shmdt(v);
}
