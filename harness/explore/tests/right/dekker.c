/* expect: right | Dekker's lock, sequentially consistent */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static atomic_int wants[2], turn;
static int value;
static void lock(int me)
{
    atomic_store_explicit(&wants[me], 1, memory_order_seq_cst);
    while (atomic_load_explicit(&wants[1 - me], memory_order_seq_cst)) {
        if (atomic_load_explicit(&turn, memory_order_seq_cst) == me)
            continue;
        atomic_store_explicit(&wants[me], 0, memory_order_seq_cst);
        while (atomic_load_explicit(&turn, memory_order_seq_cst) != me)
            ;
        atomic_store_explicit(&wants[me], 1, memory_order_seq_cst);
    }
}
static void unlock(int me)
{
    atomic_store_explicit(&turn, 1 - me, memory_order_seq_cst);
    atomic_store_explicit(&wants[me], 0, memory_order_seq_cst);
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
    assert(value == 2);
    return 0;
}
