/* expect: unsupported: a signal handler that is run | a handler for SIGUSR1 */
#define _GNU_SOURCE
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
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    return 0;
}
