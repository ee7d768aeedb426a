/* expect: assertion | twenty threads load and store apart */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { N = 20 };
static atomic_int value;
static void *add(void *a)
{
    const int old = atomic_load(&value);
    atomic_store(&value, old + 1);
    return a;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], add, NULL);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    assert(value == N);
    return 0;
}
