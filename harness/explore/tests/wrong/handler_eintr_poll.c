/* expect: assertion | poll fails with EINTR even with SA_RESTART */
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static int ends[2];

static void on_signal(int number)
{
    (void)number;
}

static void *waiter(void *argument)
{
    struct pollfd item = {.fd = ends[0], .events = POLLIN};
    (void)argument;
    assert(poll(&item, 1, -1) == 1);
    return NULL;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, waiter, NULL);
    pthread_kill(thread, SIGUSR1);
    assert(write(ends[1], "x", 1) == 1);
    pthread_join(thread, NULL);
    return 0;
}
