/* expect: right | descriptors that are doubled, files read and written at a place, locks on a part of one */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void place(int file)
{
    char got[8] = "";
    assert(write(file, "hello", 5) == 5 && lseek(file, 0, SEEK_CUR) == 5);
    assert(pwrite(file, "J", 1, 0) == 1 && lseek(file, 0, SEEK_CUR) == 5);
    assert(pread(file, got, sizeof got, 1) == 4 && got[0] == 'e' && got[3] == 'o');
    assert(lseek(file, -4, SEEK_END) == 1 && read(file, got, 1) == 1 && got[0] == 'e');
    assert(lseek(file, -1, SEEK_SET) == -1 && errno == EINVAL);
    assert(lseek(file, 0, SEEK_SET) == 0 && read(file, got, 1) == 1 && got[0] == 'J');
}

static void lock(int file)
{
    assert(lseek(file, 0, SEEK_SET) == 0 && lockf(file, F_LOCK, 2) == 0);
    const pid_t child = fork();
    if (child == 0)
        _Exit(lockf(file, F_TEST, 2) == -1 && lockf(file, F_TLOCK, 2) == -1 ? 3 : 4);
    int status;
    assert(wait4(child, &status, 0, NULL) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert(lockf(file, F_ULOCK, 2) == 0);
}

static void doubled(int file)
{
    int ends[2];
    char byte = 0;
    assert(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
    assert(read(ends[0], &byte, 1) == -1 && errno == EAGAIN && lseek(ends[0], 0, SEEK_SET) == -1 && errno == ESPIPE);
    assert(dup2(ends[1], 20) == 20 && dup2(20, 20) == 20 && fcntl(20, F_GETFD) == 0);
    assert(dup3(ends[1], 21, O_CLOEXEC) == 21 && fcntl(21, F_GETFD) == FD_CLOEXEC);
    assert(dup3(21, 21, 0) == -1 && errno == EINVAL && dup2(99, 22) == -1 && errno == EBADF);
    close(ends[1]);
    assert(write(20, "a", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'a');
    assert(dup2(file, 20) == 20); /* closes what 20 was */
    close(21);
    assert(read(ends[0], &byte, 1) == 0);
    close(20);
    close(ends[0]);
}

static void shut(void)
{
    int pair[2];
    char byte = 0;
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    assert(send(pair[0], "x", 1, 0) == 1 && shutdown(pair[0], SHUT_WR) == 0);
    assert(recv(pair[1], &byte, 1, 0) == 1 && byte == 'x' && recv(pair[1], &byte, 1, 0) == 0);
    assert(send(pair[0], "y", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    assert(send(pair[1], "z", 1, 0) == 1 && recv(pair[0], &byte, 1, 0) == 1 && byte == 'z');
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const int file = memfd_create("file", 0);
    place(file);
    lock(file);
    doubled(file);
    shut();
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 'm';
    assert(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0 && page[0] == 'm');
    munmap(page, 4096);
    close(file);
    return 0;
}
