/* expect: right | with SA_RESTART read, waitpid and sem_wait go on by themselves; mutexes and conditions always do */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int go;

static void on_signal(int number)
{
    (void)number;
}

static void *waiter(void *argument)
{
    char byte;
    (void)argument;
    assert(read(ends[0], &byte, 1) == 1);
    assert(sem_wait(&semaphore) == 0);
    assert(pthread_mutex_lock(&mutex) == 0);
    while (!go)
        assert(pthread_cond_wait(&cond, &mutex) == 0);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0);
    sem_init(&semaphore, 0, 0);
    pthread_create(&thread, NULL, waiter, NULL);
    pthread_kill(thread, SIGUSR1);
    assert(write(ends[1], "x", 1) == 1);
    sem_post(&semaphore);
    pthread_mutex_lock(&mutex);
    go = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        kill(parent, SIGUSR1);
        _exit(0);
    }
    assert(waitpid(child, NULL, 0) == child);
    sem_destroy(&semaphore);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
