/* expect: right | processes add under a process-shared mutex */
#define _GNU_SOURCE
#include <assert.h>
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
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->lock, &attributes);
    int mine = 1;
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            mine += i;
            pthread_mutex_lock(&shared->lock);
            shared->value++;
            pthread_mutex_unlock(&shared->lock);
            _exit(mine);
        }
    int sum = 0, status;
    for (int i = 0; i < 2; i++) {
        assert(wait(&status) > 0 && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    assert(sum == 3 && mine == 1 && shared->value == 2);
    munmap(shared, sizeof *shared);
    return 0;
}
