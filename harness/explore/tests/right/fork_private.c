/* expect: right | after fork each process has its own variables, heap and locks */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int value = 1;
int main(void)
{
    int *block = malloc(sizeof *block), local = 3, status;
    *block = 2;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    const pid_t child = fork();
    assert(child >= 0);
    pthread_mutex_lock(&lock);
    if (child == 0) {
        value += 10;
        *block += 10;
        local += 10;
        char *more = malloc(100);
        memset(more, 1, 100);
        free(more);
        assert(getppid() != getpid());
        pthread_mutex_unlock(&lock);
        exit(value + *block + local);
    }
    value += 100;
    free(block);
    pthread_mutex_unlock(&lock);
    assert(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 36 && value == 101 && local == 3);
    assert(waitpid(child, &status, 0) == -1 && errno == ECHILD);
    return 0;
}
