/* expect: lost wake-up | the signal may come between the look at the flag and pause */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    (void)number;
    came = 1;
}

int main(void)
{
    const pid_t parent = getpid();
    signal(SIGUSR1, on_signal);
    const pid_t child = fork();
    if (child == 0) {
        kill(parent, SIGUSR1);
        _exit(0);
    }
    while (!came)
        pause();
    waitpid(child, NULL, 0);
    return 0;
}
