/* expect: right | a spin lock of one atomic flag */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_flag lock = ATOMIC_FLAG_INIT;
static int value;
static void *work(void *a)
{
    for (int i = 0; i < 2; i++) {
        while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
            ;
        value++;
        atomic_flag_clear_explicit(&lock, memory_order_release);
    }
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 4);
    return 0;
}
