/* expect: right | Dekker's test with sequentially consistent fences */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int x, y;
static int rx, ry;
static void *one(void *a)
{
    atomic_store_explicit(&x, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    ry = atomic_load_explicit(&y, memory_order_relaxed);
    return a;
}
static void *other(void *a)
{
    atomic_store_explicit(&y, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    rx = atomic_load_explicit(&x, memory_order_relaxed);
    return a;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], one, NULL);
    START(t[1], other, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    assert(rx == 1 || ry == 1);
    return 0;
}
