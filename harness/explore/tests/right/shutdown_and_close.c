/* expect: right | who shuts a socket down and closes it then is at its end once, not twice: the other side sees the end; a message's whole length is told by MSG_TRUNC */
#define _GNU_SOURCE
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static void *read_to_the_end(void *argument)
{
    char bytes[8];
    ssize_t got, sum = 0;
    while ((got = recv(pair[1], bytes, sizeof bytes, 0)) > 0)
        sum += got;
    assert(got == 0 && sum == 8);
    struct pollfd item = {.fd = pair[1], .events = POLLIN};
    assert(poll(&item, 1, -1) == 1 && item.revents & POLLIN);
    return argument;
}

static void try(int kind)
{
    pthread_t reader;
    char bytes[2];
    assert(socketpair(AF_UNIX, kind, 0, pair) == 0);
    assert(send(pair[0], "hello", 5, 0) == 5);
    if (kind == SOCK_SEQPACKET) {
        assert(recv(pair[1], bytes, sizeof bytes, MSG_PEEK | MSG_TRUNC) == 5);
        assert(recv(pair[1], NULL, 0, MSG_PEEK | MSG_TRUNC) == 5);
        assert(recv(pair[1], bytes, sizeof bytes, MSG_PEEK) == 2);
    }
    assert(pthread_create(&reader, NULL, read_to_the_end, NULL) == 0);
    assert(send(pair[0], "end", 3, 0) == 3);
    shutdown(pair[0], SHUT_WR);
    close(pair[0]);
    pthread_join(reader, NULL);
    close(pair[1]);
}

int main(void)
{
    try(SOCK_STREAM);
    try(SOCK_SEQPACKET);
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    shutdown(pair[1], SHUT_RD);
    close(pair[0]);
    close(pair[1]);
    return 0;
}
