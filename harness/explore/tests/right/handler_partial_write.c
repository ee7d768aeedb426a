/* expect: right | a large write that a signal ends has written a part, even with SA_RESTART: who counts goes on */
#include <assert.h>
#include <errno.h>
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
    for (size_t done = 0; done < LARGE;) {
        const ssize_t piece = write(ends[1], data + done, LARGE - done);
        if (piece < 0)
            assert(errno == EINTR);
        else
            done += (size_t)piece;
    }
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
