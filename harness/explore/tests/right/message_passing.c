/* expect: right | data behind a release store */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int data;
static atomic_bool ready;
static void *send(void *a)
{
    data = 42;
    atomic_store_explicit(&ready, true, memory_order_release);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, send, NULL);
    while (!atomic_load_explicit(&ready, memory_order_acquire))
        ;
    assert(data == 42);
    JOIN(t);
    return 0;
}
