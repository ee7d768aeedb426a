/* expect: assertion | a stream socket has no messages: what is read may be any part of what was sent */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    int pair[2];
    char got[8];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    assert(write(pair[0], "12345678", 8) == 8);
    assert(read(pair[1], got, 8) == 8);
    close(pair[0]);
    close(pair[1]);
    return 0;
}
