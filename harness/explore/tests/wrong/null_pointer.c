/* expect: crash | follows a pointer that another thread has not set yet */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static _Atomic(int *) pointer;
static int value = 7;
static void *set(void *a)
{
    atomic_store(&pointer, &value);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, set, NULL);
    const int *p = atomic_load(&pointer);
    const int v = *p;
    JOIN(t);
    return v == 7 ? 0 : 1;
}
