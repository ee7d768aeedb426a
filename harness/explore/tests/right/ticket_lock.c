/* expect: right | a ticket lock */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_uint next, serving;
static int value;
static void *work(void *a)
{
    const unsigned mine = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    while (atomic_load_explicit(&serving, memory_order_acquire) != mine)
        ;
    value++;
    atomic_store_explicit(&serving, mine + 1, memory_order_release);
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
