/* expect: right | what neither process had used at the fork is each one's own afterwards: once flag, semaphore, mutex */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t tokens;
static int seven = 7;
static const int *number;

static void find_number(void)
{
    number = &seven;
}

int main(void)
{
    int status;
    sem_init(&tokens, 0, 1);
    const pid_t child = fork();
    sem_wait(&tokens); /* one in each process */
    pthread_once(&once, find_number);
    pthread_mutex_lock(&mutex);
    assert(*number == 7);
    if (child == 0) {
        const pid_t grandchild = fork();
        pthread_mutex_unlock(&mutex);
        if (grandchild == 0) {
            pthread_once(&once, find_number);
            assert(*number == 7 && sem_trywait(&tokens) != 0);
            _exit(0);
        }
        assert(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        _exit(0);
    }
    assert(waitpid(child, &status, 0) == child && status == 0); /* with the lock, of which the child has a copy */
    pthread_mutex_unlock(&mutex);
    return 0;
}
