/* expect: right | adds by compare and exchange */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_long value;
static void *work(void *a)
{
    long old = atomic_load(&value);
    while (!atomic_compare_exchange_weak(&value, &old, old + 1))
        ;
    return a;
}
int main(void)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    assert(value == 3);
    return 0;
}
