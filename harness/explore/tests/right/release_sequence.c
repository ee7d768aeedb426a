/* expect: right | a read-modify-write by another thread continues the release sequence */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int data;
static atomic_int stage;
static void *first(void *a)
{
    data = 1;
    atomic_store_explicit(&stage, 1, memory_order_release);
    return a;
}
static void *second(void *a)
{
    int one = 1;
    while (!atomic_compare_exchange_strong_explicit(&stage, &one, 2, memory_order_relaxed, memory_order_relaxed))
        one = 1;
    return a;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], first, NULL);
    START(t[1], second, NULL);
    while (atomic_load_explicit(&stage, memory_order_acquire) != 2)
        ;
    assert(data == 1);
    JOIN(t[0]);
    JOIN(t[1]);
    return 0;
}
