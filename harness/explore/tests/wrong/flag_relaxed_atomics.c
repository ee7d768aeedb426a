/* expect: assertion | both relaxed: the second may be seen before the first */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int data, ready;
static void *send(void *a)
{
    atomic_store_explicit(&data, 42, memory_order_relaxed);
    atomic_store_explicit(&ready, 1, memory_order_relaxed);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, send, NULL);
    while (!atomic_load_explicit(&ready, memory_order_relaxed))
        ;
    assert(atomic_load_explicit(&data, memory_order_relaxed) == 42);
    JOIN(t);
    return 0;
}
