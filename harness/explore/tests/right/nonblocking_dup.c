/* expect: right | O_NONBLOCK belongs to what both descriptors of a dup lead to; the last close ends the pipe */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    char byte = 'x';
    assert(pipe(ends) == 0);
    const int copy = dup(ends[0]), writer = fcntl(ends[1], F_DUPFD_CLOEXEC, 20);
    assert(writer >= 20 && fcntl(writer, F_GETFD) == FD_CLOEXEC);
    assert(fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK) == 0);
    assert(read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
    close(ends[1]);
    assert(write(writer, &byte, 1) == 1);
    close(writer);
    assert(read(copy, &byte, 1) == 1 && read(ends[0], &byte, 1) == 0);
    close(ends[0]);
    close(copy);
    assert(fcntl(copy, F_GETFD) == -1 && errno == EBADF);
    return 0;
}
