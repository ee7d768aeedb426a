/* expect: right | alarm and setitimer on the virtual clock: who was interrupted goes on, and the flag says why */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t rung;

static void on_alarm(int number)
{
    (void)number;
    rung++;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    sigset_t blocked, before;
    sigaction(SIGALRM, &action, NULL);
    assert(alarm(100) == 0);
    const unsigned left = alarm(0);
    assert(left <= 100); /* 0: it has rung already */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    rung = 0;
    alarm(2);
    while (rung == 0)
        sigsuspend(&before);
    const struct itimerval tick = {{.tv_usec = 500000}, {.tv_usec = 500000}}, none = {{0}, {0}};
    struct itimerval old;
    assert(setitimer(ITIMER_REAL, &tick, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
    while (rung < 3)
        sigsuspend(&before);
    assert(setitimer(ITIMER_REAL, &none, &old) == 0 && old.it_interval.tv_usec == 500000);
    sigprocmask(SIG_SETMASK, &before, NULL);
    struct timespec time = {5, 0}, rest = {0, 0};
    alarm(1);
    if (nanosleep(&time, &rest) == -1)
        assert(errno == EINTR && rest.tv_sec <= 5 && rest.tv_sec >= 0);
    alarm(0);
    return 0;
}
