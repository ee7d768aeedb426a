/* expect: right | poll alone tells that data was written before, nothing is read */
#define _GNU_SOURCE
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int descriptor, data;

static void *wait_for_it(void *a)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    assert(ppoll(&item, 1, NULL, NULL) == 1);
    assert(data == 7);
    return a;
}

int main(void)
{
    pthread_t t[2];
    const uint64_t one = 1;
    descriptor = eventfd(0, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, wait_for_it, NULL);
    data = 7;
    assert(write(descriptor, &one, sizeof one) == sizeof one);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    close(descriptor);
    return 0;
}
