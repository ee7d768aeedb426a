/* expect: right | poll on a pidfd, waitid that leaves the child, and then takes it */
#define _GNU_SOURCE
#include <assert.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(4);
    struct pollfd item = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    siginfo_t how;
    assert(poll(&item, 1, -1) == 1 && item.revents & POLLIN);
    assert(waitid(P_PID, (id_t)child, &how, WEXITED | WNOHANG | WNOWAIT) == 0 && how.si_pid == child);
    assert(waitid(P_PID, (id_t)child, &how, WEXITED) == 0 && how.si_status == 4);
    close(item.fd);
    return 0;
}
