/* expect: assertion | a signal to the process is handled in any thread that does not block it, not only in main */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_t first;

static void on_signal(int number)
{
    (void)number;
    assert(pthread_equal(pthread_self(), first));
}

static void *work(void *argument)
{
    usleep(1);
    return argument;
}

int main(void)
{
    pthread_t thread;
    first = pthread_self();
    signal(SIGTERM, on_signal);
    pthread_create(&thread, NULL, work, NULL);
    kill(getpid(), SIGTERM);
    pthread_join(thread, NULL);
    return 0;
}
