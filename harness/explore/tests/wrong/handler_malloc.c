/* expect: unsupported: a signal handler that uses what is not async-signal-safe: malloc | in a handler */
#include <signal.h>
#include <stdlib.h>

static void *volatile block;

static void on_signal(int number)
{
    (void)number;
    block = malloc(1);
}

int main(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    free(block);
    return 0;
}
