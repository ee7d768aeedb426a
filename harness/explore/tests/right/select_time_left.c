/* expect: right | as on Linux, select tells how much of its time is left: over, or not yet */
#include <assert.h>
#include <pthread.h>
#include <sys/select.h>
#include <unistd.h>

static int ends[2];

static void *write_later(void *argument)
{
    usleep(300000);
    assert(write(ends[1], "x", 1) == 1);
    return argument;
}

int main(void)
{
    pthread_t writer;
    fd_set set;
    struct timeval left = {.tv_sec = 2, .tv_usec = 500000};
    assert(select(0, NULL, NULL, NULL, &left) == 0 && left.tv_sec == 0 && left.tv_usec == 0);
    assert(pipe(ends) == 0 && pthread_create(&writer, NULL, write_later, NULL) == 0);
    int told;
    do {
        left = (struct timeval){.tv_sec = 5};
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        told = select(ends[0] + 1, &set, NULL, NULL, &left);
        assert(left.tv_sec < 5 || (told == 1 && left.tv_sec == 5));
        assert(told == 1 || (told == 0 && left.tv_sec == 0 && left.tv_usec == 0));
    } while (told == 0);
    pthread_join(writer, NULL);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
