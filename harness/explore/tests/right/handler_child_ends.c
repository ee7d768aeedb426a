/* expect: right | SIGCHLD's handler waits for the children, and what they wrote is seen there */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int *shared;
static volatile sig_atomic_t ended, sum;

static void on_child(int number)
{
    const int before = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        ended++;
        sum = *shared;
    }
    errno = before;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    sigset_t blocked, before;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    if (fork() == 0) {
        *shared = 7;
        _exit(0);
    }
    while (ended == 0)
        sigsuspend(&before);
    assert(ended == 1 && sum == 7);
    return 0;
}
