/* expect: assertion | waits for any child, and takes one that another part of the program wants */
#define _GNU_SOURCE
#include <assert.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    const pid_t mine = fork();
    if (mine == 0)
        _exit(0);
    if (fork() == 0)
        _exit(0);
    wait(NULL); /* for the second, it is hoped */
    assert(waitpid(mine, NULL, 0) == mine);
    wait(NULL);
    return 0;
}
