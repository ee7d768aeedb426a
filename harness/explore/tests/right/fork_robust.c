/* expect: right | a process is killed with the lock; the other goes on */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    pthread_mutex_t *lock = mmap(NULL, sizeof *lock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(lock, &attributes);
    const pid_t child = fork();
    if (child == 0) {
        if (pthread_mutex_lock(lock) == EOWNERDEAD)
            pthread_mutex_consistent(lock);
        pthread_mutex_unlock(lock);
        _exit(0);
    }
    int status;
    kill(child, SIGKILL);
    const int error = pthread_mutex_lock(lock);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    pthread_mutex_unlock(lock);
    waitpid(child, &status, 0);
    return 0;
}
