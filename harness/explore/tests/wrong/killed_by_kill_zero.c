/* expect: livelock | asks kill(pid, 0) whether a child lives, which is true of a zombie */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    for (int tries = 0; kill(child, 0) == 0; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert(waitpid(child, NULL, 0) == child);
    return 0;
}
