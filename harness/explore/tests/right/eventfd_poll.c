/* expect: right | poll waits for an eventfd */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
static int descriptor, data;
static void *set(void *a)
{
    const uint64_t one = 1;
    data = 5;
    assert(write(descriptor, &one, sizeof one) == sizeof one);
    return a;
}
int main(void)
{
    pthread_t t;
    uint64_t number;
    descriptor = eventfd(0, EFD_NONBLOCK);
    START(t, set, NULL);
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    while (poll(&item, 1, 100) == 0)
        ;
    assert(item.revents == POLLIN && read(descriptor, &number, sizeof number) == 8 && number == 1 && data == 5);
    assert(read(descriptor, &number, sizeof number) == -1 && errno == EAGAIN);
    JOIN(t);
    close(descriptor);
    return 0;
}
