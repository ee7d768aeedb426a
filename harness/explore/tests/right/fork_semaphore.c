/* expect: right | a parent hands a number to its child */
#define _GNU_SOURCE
#include <assert.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
struct shared {
    sem_t filled;
    int value;
};
int main(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(&shared->filled, 1, 0);
    const pid_t child = fork();
    if (child == 0) {
        while (sem_wait(&shared->filled) != 0)
            ;
        _exit(shared->value);
    }
    shared->value = 7;
    sem_post(&shared->filled);
    int status;
    waitpid(child, &status, 0);
    assert(WEXITSTATUS(status) == 7);
    return 0;
}
