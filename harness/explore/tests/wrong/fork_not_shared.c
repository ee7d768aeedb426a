/* expect: misuse | the mutex is not process-shared */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
struct shared {
    pthread_mutex_t lock;
    int value;
};
int main(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_init(&shared->lock, NULL);
    const pid_t child = fork();
    pthread_mutex_lock(&shared->lock);
    shared->value++;
    pthread_mutex_unlock(&shared->lock);
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return 0;
}
