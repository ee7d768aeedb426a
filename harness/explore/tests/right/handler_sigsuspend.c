/* expect: right | the signal is blocked but while sigsuspend, ppoll, pselect or epoll_pwait waits: none is lost */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    (void)number;
    came++;
}

int main(void)
{
    const pid_t parent = getpid();
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t blocked, before;
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    const pid_t child = fork();
    if (child == 0) {
        kill(parent, SIGUSR1);
        _exit(0);
    }
    assert(sigsuspend(&before) == -1 && errno == EINTR && came == 1);
    waitpid(child, NULL, 0);
    raise(SIGUSR1);
    assert(came == 1);
    assert(ppoll(NULL, 0, NULL, &before) == -1 && errno == EINTR && came == 2);
    raise(SIGUSR1);
    assert(pselect(0, NULL, NULL, NULL, NULL, &before) == -1 && errno == EINTR && came == 3);
    struct epoll_event event;
    const int epoll = epoll_create(1);
    assert(epoll >= 0 && epoll_create(0) == -1);
    raise(SIGUSR1);
    assert(epoll_pwait(epoll, &event, 1, -1, &before) == -1 && errno == EINTR && came == 4);
    close(epoll);
    return 0;
}
