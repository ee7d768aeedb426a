/* expect: right | a record lock on a memfd, which the end of its holder gives back */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void set(int number, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    assert(fcntl(number, F_SETLKW, &lock) == 0);
}

int main(void)
{
    const int file = memfd_create("number", MFD_CLOEXEC);
    assert(ftruncate(file, sizeof(int64_t)) == 0);
    int64_t *number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const pid_t child = fork();
    if (child == 0) {
        set(file, F_WRLCK);
        ++*number;
        kill(getpid(), SIGKILL);
    }
    set(file, F_WRLCK);
    ++*number;
    set(file, F_UNLCK);
    int status;
    assert(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    assert(*number == 2);
    return 0;
}
