/* expect: right | a read goes on after EINTR; the handler runs in whichever thread, at whichever moment */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static int ends[2];
static atomic_int handled;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

static void *reader(void *argument)
{
    char byte = 0;
    ssize_t got;
    (void)argument;
    do
        got = read(ends[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    assert(got == 1 && byte == 'x');
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, reader, NULL);
    kill(getpid(), SIGUSR1);
    assert(write(ends[1], "x", 1) == 1);
    pthread_join(thread, NULL);
    assert(atomic_load(&handled) <= 1);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
