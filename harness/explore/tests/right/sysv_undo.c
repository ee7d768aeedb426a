/* expect: right | a System V semaphore with SEM_UNDO is given back by the death of its holder */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

static void change(int semaphore, short by)
{
    struct sembuf operation = {.sem_op = by, .sem_flg = SEM_UNDO};
    assert(semop(semaphore, &operation, 1) == 0);
}

int main(void)
{
    const int semaphore = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
    assert(semctl(semaphore, 0, SETVAL, 1) == 0);
    const pid_t child = fork();
    if (child == 0) {
        change(semaphore, -1);
        raise(SIGKILL);
    }
    change(semaphore, -1);
    change(semaphore, 1);
    assert(waitpid(child, NULL, 0) == child);
    semctl(semaphore, 0, IPC_RMID);
    return 0;
}
