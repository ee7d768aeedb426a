/* expect: data race | a named semaphore that starts at 2 keeps nobody out */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    const int memory = shm_open("/number", O_CREAT | O_RDWR, 0600);
    assert(ftruncate(memory, sizeof(int)) == 0);
    int *number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    sem_t *first = sem_open("/lock", O_CREAT | O_EXCL, 0600, 2);
    assert(first != SEM_FAILED && number != MAP_FAILED);
    const pid_t child = fork();
    sem_t *lock = sem_open("/lock", 0);
    sem_wait(lock);
    ++*number;
    sem_post(lock);
    if (child == 0)
        _exit(0);
    wait(NULL);
    assert(*number == 2);
    sem_close(lock);
    sem_unlink("/lock");
    shm_unlink("/number");
    return 0;
}
