/* expect: right | looks again and again, sleeping in between */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int ready;
static void *work(void *a)
{
    usleep(5000);
    atomic_store(&ready, 1);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    while (!atomic_load(&ready))
        usleep(1000);
    JOIN(t);
    return 0;
}
