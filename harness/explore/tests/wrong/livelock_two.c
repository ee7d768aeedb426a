/* expect: livelock | each waits for the other to begin */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int a_ready, b_ready;
static void *one(void *x)
{
    while (!atomic_load(&b_ready))
        ;
    atomic_store(&a_ready, 1);
    return x;
}
static void *other(void *x)
{
    while (!atomic_load(&a_ready))
        ;
    atomic_store(&b_ready, 1);
    return x;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], one, NULL);
    START(t[1], other, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    return 0;
}
