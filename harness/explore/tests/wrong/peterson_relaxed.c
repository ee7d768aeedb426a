/* expect: assertion | Peterson's lock, relaxed: both are inside */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static atomic_int flag[2], turn;
static atomic_int inside;
static void *work(void *a)
{
    const int me = (int)(intptr_t)a;
    atomic_store_explicit(&flag[me], 1, memory_order_relaxed);
    atomic_store_explicit(&turn, 1 - me, memory_order_relaxed);
    while (atomic_load_explicit(&flag[1 - me], memory_order_relaxed) == 1 &&
           atomic_load_explicit(&turn, memory_order_relaxed) == 1 - me)
        ;
    assert(atomic_fetch_add_explicit(&inside, 1, memory_order_relaxed) == 0);
    atomic_fetch_sub_explicit(&inside, 1, memory_order_relaxed);
    atomic_store_explicit(&flag[me], 0, memory_order_relaxed);
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
