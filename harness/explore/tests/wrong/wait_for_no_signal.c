/* expect: lost wake-up | the signal that is waited for is sent to the thread that has it blocked, not to the one that waits */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

static void *tell_itself(void *argument)
{
    pthread_kill(pthread_self(), SIGUSR1);
    return argument;
}

int main(void)
{
    pthread_t other;
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&other, NULL, tell_itself, NULL);
    sigwait(&set, &number);
    pthread_join(other, NULL);
    return 0;
}
