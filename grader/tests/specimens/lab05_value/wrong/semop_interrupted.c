/* expect: tests has not waited | a System V semaphore with SEM_UNDO, but nobody looks whether semop has waited: EINTR lets everybody in */
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "value.h"

struct value {
    int64_t number;
    int semid;
};

static struct sembuf down = {0, -1, SEM_UNDO}, up = {0, 1, SEM_UNDO};

struct value *value_create(int64_t initial)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0)
        return NULL;
    void *memory = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || semctl(id, 0, SETVAL, 1) < 0) {
        if (memory != MAP_FAILED)
            munmap(memory, sizeof(struct value));
        semctl(id, 0, IPC_RMID);
        return NULL;
    }
    struct value *value = memory;
    value->semid = id;
    value->number = initial;
    return value;
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    semop(value->semid, &down, 1);
    int64_t number = fn(value->number, arg);
    value->number = number;
    semop(value->semid, &up, 1);
    return number;
}

int64_t value_get(struct value *value)
{
    semop(value->semid, &down, 1);
    int64_t number = value->number;
    semop(value->semid, &up, 1);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    semop(value->semid, &down, 1);
    value->number += amount;
    semop(value->semid, &up, 1);
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned forked = 0;
    int result = 0;

    for (; forked < processes; ++forked) {
        pids[forked] = fork();
        if (pids[forked] < 0) {
            result = -1;
            break;
        }
        if (pids[forked] == 0) {
            int64_t sum = 0;
            uint64_t index = forked;
            while (index < count) {
                sum += item(index);
                index += processes;
            }
            value_add(value, sum);
            _exit(0);
        }
    }

    for (unsigned i = 0; i < forked; ++i) {
        int status = 0;
        pid_t waited;
        do
            waited = waitpid(pids[i], &status, 0);
        while (waited == -1 && errno == EINTR);
        if (waited == -1 || !WIFEXITED(status))
            result = -1;
    }
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL) {
        semctl(value->semid, 0, IPC_RMID);
        munmap(value, sizeof(struct value));
    }
}
