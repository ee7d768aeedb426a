/* expect: right | a signal to the process goes to the only thread that does not block it */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_t listener;
static volatile sig_atomic_t came;
static sigset_t blocked, before;

static void on_signal(int number)
{
    (void)number;
    assert(pthread_equal(pthread_self(), listener));
    came = 1;
}

static void *listen_for_it(void *argument)
{
    (void)argument;
    while (!came)
        sigsuspend(&before);
    return NULL;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    pthread_create(&listener, NULL, listen_for_it, NULL);
    kill(getpid(), SIGTERM);
    pthread_join(listener, NULL);
    return 0;
}
