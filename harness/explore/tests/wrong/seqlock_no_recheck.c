/* expect: assertion | a sequence lock whose reader does not look again */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_uint sequence;
static atomic_int x, y;
static void *write_it(void *a)
{
    atomic_fetch_add(&sequence, 1);
    atomic_store(&x, 1);
    atomic_store(&y, 1);
    atomic_fetch_add(&sequence, 1);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, write_it, NULL);
    while (atomic_load(&sequence) % 2 == 1)
        ;
    const int a = atomic_load(&x), b = atomic_load(&y);
    assert(a == b);
    JOIN(t);
    return 0;
}
