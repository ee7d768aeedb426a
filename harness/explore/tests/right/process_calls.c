/* expect: right | pidfds, a /proc file, System V semaphores with a limit, and System V shared memory */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/pidfd.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void end_by_pidfd(void)
{
    int status;
    const pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    const int number = pidfd_open(child, 0);
    struct pollfd item = {.fd = number, .events = POLLIN};
    char path[32], rest[4];
    assert(number >= 0 && pidfd_open(child, 12345) == -1);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *file = fopen(path, "r");
    assert(file != NULL && fgetc(file) == path[6]); /* it begins with the number */
    assert(fread(rest, 1, 3, file) == 3 && memcmp(rest, path + 7, 3) == 0);
    fclose(file);
    assert(pidfd_send_signal(number, SIGKILL, NULL, 0) == 0 && poll(&item, 1, -1) == 1);
    assert(wait4(child, &status, 0, NULL) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert(pidfd_send_signal(number, 0, NULL, 0) == -1 && errno == ESRCH);
    close(number);
}

int main(void)
{
    const int segment = shmget(IPC_PRIVATE, 64, IPC_CREAT | 0600), set = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    int *shared = shmat(segment, NULL, 0);
    struct sembuf up = {0, 1, 0}, down = {0, -1, 0};
    assert(segment >= 0 && set >= 0 && *shared == 0 && shmat(99999, NULL, 0) == (void *)-1);
    assert(shmctl(segment, IPC_RMID, NULL) == 0);
    assert(semtimedop(set, &down, 1, &(struct timespec){1, 0}) == -1 && errno == EAGAIN);
    const pid_t child = fork();
    if (child == 0) {
        *shared = 5;
        _Exit(semop(set, &up, 1) != 0);
    }
    while (semtimedop(set, &down, 1, &(struct timespec){1, 0}) == -1)
        assert(errno == EAGAIN);
    assert(*shared == 5 && waitpid(child, NULL, 0) == child);
    assert(shmdt(shared) == 0 && semctl(set, 0, IPC_RMID) == 0);
    end_by_pidfd();
    return 0;
}
