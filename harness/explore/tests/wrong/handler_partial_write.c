/* expect: assertion | a large write is taken to be whole, but a signal ends it with a part, even with SA_RESTART */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { LARGE = 80000 };

static int ends[2];
static char data[LARGE];

static void on_signal(int number)
{
    (void)number;
}

static void *write_all(void *argument)
{
    (void)argument;
    assert(write(ends[1], data, LARGE) == LARGE);
    close(ends[1]);
    return NULL;
}

int main(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    static char got[LARGE];
    pthread_t thread;
    size_t sum = 0;
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, write_all, NULL);
    pthread_kill(thread, SIGUSR1);
    for (ssize_t piece; (piece = read(ends[0], got, LARGE)) != 0;)
        sum += (size_t)piece;
    assert(sum == LARGE);
    pthread_join(thread, NULL);
    close(ends[0]);
    return 0;
}
