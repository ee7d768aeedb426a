/* expect: data race | waits on a plain variable */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static volatile int ready;
static void *send(void *a)
{
    ready = 1;
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, send, NULL);
    while (!ready)
        ;
    JOIN(t);
    return 0;
}
