/* expect: right | System V semaphore with SEM_UNDO, which the kernel gives back when the holder dies */
#include "value.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int semaphore;
    _Atomic int64_t number; /* atomic for threads that only look */
};

static void change(struct value *v, short by)
{
    struct sembuf op = {.sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO};
    while (semop(v->semaphore, &op, 1) == -1 && errno == EINTR)
        continue;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    v->semaphore = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
    if (v->semaphore == -1) {
        munmap(v, sizeof *v);
        return NULL;
    }
    /* A first +1 with SEM_UNDO would be taken back at exit; SETVAL is not. */
    union {
        int val;
        void *unused;
    } one = {.val = 1};
    semctl(v->semaphore, 0, SETVAL, one);
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    return v->number;
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    change(v, -1);
    int64_t n = fn(v->number, arg);
    v->number = n;
    change(v, +1);
    return n;
}

static int64_t plus(int64_t old, void *amount)
{
    return old + *(int64_t *)amount;
}

void value_add(struct value *v, int64_t amount)
{
    value_update(v, plus, &amount);
}

/* Restarted by hand: sigaction without SA_RESTART is the caller's good right. */
static int ends_badly(pid_t pid)
{
    int status;
    for (;;) {
        if (waitpid(pid, &status, 0) == pid)
            return WIFSIGNALED(status);
        if (errno != EINTR)
            return 1;
    }
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64];
    int failures = 0;
    for (unsigned c = 0; c < processes; c++)
        if ((child[c] = fork()) == 0) {
            int64_t sum = 0;
            for (uint64_t i = c; i < count; i += processes)
                sum += item(i);
            value_add(v, sum);
            _exit(0);
        }
    for (unsigned c = 0; c < processes; c++)
        failures += child[c] < 0 || ends_badly(child[c]);
    return failures ? -1 : 0;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    semctl(v->semaphore, 0, IPC_RMID);
    munmap(v, sizeof *v);
}
