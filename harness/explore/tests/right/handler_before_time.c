/* expect: right | a signal that is pending ends a ppoll at once, before any of its time is over */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t hits;

static void count(int number)
{
    (void)number;
    hits++;
}

static void *idle(void *argument)
{
    return argument;
}

int main(void)
{
    pthread_t other;
    sigset_t mask, before;
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_create(&other, NULL, idle, NULL);
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    pthread_kill(pthread_self(), SIGUSR1);
    assert(ppoll(NULL, 0, &(struct timespec){.tv_sec = 10}, &before) == -1 && errno == EINTR && hits == 1);
    pthread_join(other, NULL);
    return 0;
}
