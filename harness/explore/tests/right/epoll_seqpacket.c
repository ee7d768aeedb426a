/* expect: right | epoll tells of a message and then of the end of a seqpacket socket */
#define _GNU_SOURCE
#include <assert.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int pair[2];
    char text[8];
    assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    const pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        assert(send(pair[1], "ab", 2, MSG_NOSIGNAL) == 2);
        assert(send(pair[1], "c", 1, MSG_NOSIGNAL) == 1);
        _exit(0);
    }
    close(pair[1]);
    const int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[0]};
    assert(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) == 0);
    for (ssize_t expected = 2; expected >= 0; expected--) {
        assert(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd == pair[0]);
        assert(recv(pair[0], text, sizeof text, 0) == expected);
    }
    close(pair[0]);
    close(epoll);
    assert(waitpid(child, NULL, 0) == child);
    return 0;
}
