/* expect: assertion | select, epoll_wait, semop and sem_timedwait fail with EINTR even with SA_RESTART */
#define _GNU_SOURCE
#include <assert.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ends[2], epoll, set, failures;
static sem_t semaphore;

static void on_signal(int number)
{
    (void)number;
}

static void wait_with_select(void)
{
    fd_set reading;
    FD_ZERO(&reading);
    FD_SET(ends[0], &reading);
    failures += select(ends[0] + 1, &reading, NULL, NULL, NULL) != 1;
}

static void wait_with_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
    failures += epoll_wait(epoll, &event, 1, -1) != 1;
}

static void wait_with_semop(void)
{
    struct sembuf down = {0, -1, 0};
    failures += semop(set, &down, 1) != 0;
}

static void wait_with_semaphore(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    failures += sem_timedwait(&semaphore, &until) != 0;
}

/* What each waits for comes in any case. */
static void once(void (*wait_for_it)(void))
{
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        struct sembuf up = {0, 1, 0};
        kill(parent, SIGUSR1);
        semop(set, &up, 1);
        _exit(write(ends[1], "x", 1) != 1);
    }
    wait_for_it();
    assert(waitpid(child, NULL, 0) == child); /* goes on */
    char byte;
    struct sembuf down = {0, -1, IPC_NOWAIT};
    assert(read(ends[0], &byte, 1) == 1); /* nothing is left for the next one */
    semop(set, &down, 1);
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0 && (epoll = epoll_create1(0)) >= 0 && (set = semget(IPC_PRIVATE, 1, 0600)) >= 0);
    sem_init(&semaphore, 0, 0);
    once(wait_with_select);
    const int first = failures;
    once(wait_with_epoll);
    const int second = failures;
    once(wait_with_semop);
    const int third = failures;
    once(wait_with_semaphore); /* fails in any case: by time, or by the signal */
    assert(first == 0 || second == first || third == second);
    return 0;
}
