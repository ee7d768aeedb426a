/* expect: assertion | an atomic variable, but load and store apart */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int value;
static void *work(void *a)
{
    const int v = atomic_load(&value);
    atomic_store(&value, v + 1);
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 2);
    return 0;
}
