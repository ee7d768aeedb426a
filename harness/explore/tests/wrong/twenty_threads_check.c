/* expect: assertion | twenty threads check and act apart */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

enum { N = 20 };
static atomic_int value;
static void *add(void *a)
{
    if (atomic_load(&value) < 1)
        atomic_fetch_add(&value, 1);
    return a;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], add, NULL);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    assert(value == 1);
    return 0;
}
