/* expect: unsupported: a signal handler that uses what is not async-signal-safe: mutex | in a handler */
#include <pthread.h>
#include <signal.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void on_signal(int number)
{
    (void)number;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    return 0;
}
