/* expect: right | eventfd_write and eventfd_read: the number is there when it has been read */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int descriptor, message;

static void *tell(void *argument)
{
    message = (int)lldiv(85, 2).quot;
    if (eventfd_write(descriptor, 3) != 0)
        abort();
    return argument;
}

int main(void)
{
    pthread_t thread;
    eventfd_t number;
    descriptor = eventfd(0, EFD_CLOEXEC);
    if (pthread_create(&thread, NULL, tell, NULL) != 0)
        return 1;
    while (eventfd_read(descriptor, &number) != 0)
        continue;
    assert(number == 3 && message == 42);
    pthread_join(thread, NULL);
    close(descriptor);
    return 0;
}
