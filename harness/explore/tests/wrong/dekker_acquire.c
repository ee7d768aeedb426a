/* expect: data race | Dekker's lock with acquire and release only */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static atomic_int wants[2], turn;
static int value;
static void lock(int me)
{
    atomic_store_explicit(&wants[me], 1, memory_order_release);
    while (atomic_load_explicit(&wants[1 - me], memory_order_acquire)) {
        if (atomic_load_explicit(&turn, memory_order_acquire) == me)
            continue;
        atomic_store_explicit(&wants[me], 0, memory_order_release);
        while (atomic_load_explicit(&turn, memory_order_acquire) != me)
            ;
        atomic_store_explicit(&wants[me], 1, memory_order_release);
    }
}
static void unlock(int me)
{
    atomic_store_explicit(&turn, 1 - me, memory_order_release);
    atomic_store_explicit(&wants[me], 0, memory_order_release);
}
static void *work(void *a)
{
    const int me = (int)(intptr_t)a;
    lock(me);
    value++;
    unlock(me);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
