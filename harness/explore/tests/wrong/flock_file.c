/* expect: data race | flock on an inherited descriptor: both processes own the same lock */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int *number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char path[] = "/tmp/lockXXXXXX";
    int file = mkstemp(path);
    const pid_t child = fork();

    flock(file, LOCK_EX);
    ++*number;
    flock(file, LOCK_UN);
    if (child == 0)
        _exit(0);
    wait(NULL);
    unlink(path);
    return 0;
}
