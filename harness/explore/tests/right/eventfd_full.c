/* expect: right | an eventfd as a lock: a write that does not fit waits until somebody has read */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int fd, inside;

static void *work(void *argument)
{
    eventfd_t all;
    assert(eventfd_write(fd, UINT64_MAX - 1) == 0);
    assert(++inside == 1);
    inside--;
    assert(eventfd_read(fd, &all) == 0 && all == UINT64_MAX - 1);
    return argument;
}

int main(void)
{
    pthread_t t[3];
    fd = eventfd(0, 0);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, work, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    close(fd);
    fd = eventfd(1, EFD_NONBLOCK);
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    assert(eventfd_write(fd, UINT64_MAX) == -1 && errno == EINVAL);
    assert(eventfd_write(fd, UINT64_MAX - 1) == -1 && errno == EAGAIN);
    assert(poll(&item, 1, 0) == 1);
    assert(eventfd_write(fd, UINT64_MAX - 2) == 0 && poll(&item, 1, 0) == 0);
    close(fd);
    return 0;
}
