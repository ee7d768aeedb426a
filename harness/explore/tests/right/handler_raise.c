/* expect: right | a handler runs before raise returns, with errno, the mask and SA_RESETHAND as POSIX says */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t calls, number_seen, sender, blocked_inside;

static void on_signal(int number)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    blocked_inside = sigismember(&now, number);
    number_seen = number;
    calls++;
}

static void on_information(int number, siginfo_t *info, void *context)
{
    (void)context;
    number_seen = number;
    sender = info->si_pid;
    calls++;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigset_t set;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    assert(calls == 1 && number_seen == SIGUSR1 && blocked_inside == 1);
    pthread_kill(pthread_self(), SIGUSR1);
    assert(calls == 2);
    kill(getpid(), SIGUSR1);
    assert(calls == 3);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    assert(calls == 3);
    sigset_t pending;
    sigpending(&pending);
    assert(sigismember(&pending, SIGUSR1) == 1 && sigismember(&pending, SIGUSR2) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert(calls == 5 || calls == 4); /* once for the thread, once for the process; or merged */
    sigpending(&pending);
    assert(sigismember(&pending, SIGUSR1) == 0);

    action = (struct sigaction){.sa_sigaction = on_information, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    sigaction(SIGUSR2, &action, NULL);
    kill(getpid(), SIGUSR2);
    assert(number_seen == SIGUSR2 && sender == getpid());
    sigaction(SIGUSR2, NULL, &before);
    assert(before.sa_handler == SIG_DFL);
    return 0;
}
