/* expect: right | a write to a process that died fails, and MSG_NOSIGNAL keeps SIGPIPE away */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int pair[2];
    char byte = 'x';
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        _exit(3);
    }
    close(pair[1]);
    int status;
    assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert(send(pair[0], &byte, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    signal(SIGPIPE, SIG_IGN);
    assert(write(pair[0], &byte, 1) == -1 && errno == EPIPE);
    assert(recv(pair[0], &byte, 1, 0) == 0);
    close(pair[0]);
    return 0;
}
