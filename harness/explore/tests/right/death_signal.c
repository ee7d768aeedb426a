/* expect: right | a child dies with its parent, and looks whether it is already too late */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits on a pipe that it holds open itself, so only a signal ends it. */
static void grandchild(const int *ends, pid_t parent)
{
    char byte;
    (void)parent;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    if (read(ends[0], &byte, 1) == 1)
        abort();
}

int main(void)
{
    int life[2], never[2];
    char byte;
    assert(pipe(life) == 0 && pipe(never) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const pid_t self = getpid();
        if (fork() == 0)
            grandchild(never, self);
        _exit(0);
    }
    close(life[1]);
    assert(waitpid(child, NULL, 0) == child);
    assert(read(life[0], &byte, 1) == 0); /* all are gone */
    return 0;
}
