/* expect: right | blocked signals are waited for: of a thread, of a child, until a time, and taken away unseen */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_t first;
static int news;

static void *write_and_tell(void *argument)
{
    news = 7;
    pthread_kill(first, SIGUSR1);
    return argument;
}

/* Writes where nobody reads: the usual way to have no trace of that, whatever the program does about SIGPIPE. */
static void write_to_nobody(void)
{
    int ends[2];
    sigset_t broken;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    assert(pipe(ends) == 0 && close(ends[0]) == 0);
    assert(write(ends[1], "x", 1) == -1 && errno == EPIPE);
    assert(sigtimedwait(&broken, NULL, &(struct timespec){0}) == SIGPIPE);
    assert(sigtimedwait(&broken, NULL, &(struct timespec){0}) == -1 && errno == EAGAIN);
    close(ends[1]);
}

int main(void)
{
    pthread_t other;
    sigset_t set;
    siginfo_t info;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    first = pthread_self();
    assert(pthread_create(&other, NULL, write_and_tell, NULL) == 0);
    assert(sigwait(&set, &number) == 0 && number == SIGUSR1 && news == 7);
    pthread_join(other, NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert(sigwaitinfo(&set, &info) == SIGCHLD && info.si_signo == SIGCHLD && info.si_pid == child);
    assert(waitpid(child, NULL, 0) == child);
    assert(sigtimedwait(&set, &info, &(struct timespec){.tv_sec = 1}) == -1 && errno == EAGAIN);
    write_to_nobody();
    return 0;
}
