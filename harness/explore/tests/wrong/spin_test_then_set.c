/* expect: data race | a spin lock that tests and sets in two steps */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int lock;
static int value;
static void *work(void *a)
{
    while (atomic_load(&lock))
        ;
    atomic_store(&lock, 1);
    value++;
    atomic_store(&lock, 0);
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
