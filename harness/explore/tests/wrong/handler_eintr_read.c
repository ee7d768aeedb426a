/* expect: assertion | a read that a signal interrupts is taken for the end of the data */
#include <assert.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int number)
{
    (void)number;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    int ends[2];
    char byte;
    sigaction(SIGCHLD, &action, NULL);
    assert(pipe(ends) == 0);
    const pid_t first = fork();
    if (first == 0)
        _exit(0);
    const pid_t second = fork();
    if (second == 0)
        _exit(write(ends[1], "x", 1) != 1);
    assert(read(ends[0], &byte, 1) == 1);
    while (waitpid(first, NULL, 0) < 0)
        continue;
    while (waitpid(second, NULL, 0) < 0)
        continue;
    return 0;
}
