/* expect: assertion | a stream socket has no messages: of a large piece any part may be read */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    int pair[2];
    static char sent[8192], got[8192];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    assert(write(pair[0], sent, sizeof sent) == sizeof sent);
    assert(read(pair[1], got, sizeof got) == sizeof got);
    close(pair[0]);
    close(pair[1]);
    return 0;
}
