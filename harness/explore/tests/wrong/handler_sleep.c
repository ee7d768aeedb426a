/* expect: assertion | a sleep that a signal ends early is taken for a whole one */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static void on_signal(int number)
{
    (void)number;
}

static void *sleeper(void *argument)
{
    struct timespec before, after;
    (void)argument;
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&(struct timespec){10, 0}, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert(after.tv_sec - before.tv_sec >= 10);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    signal(SIGUSR1, on_signal);
    pthread_create(&thread, NULL, sleeper, NULL);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    return 0;
}
