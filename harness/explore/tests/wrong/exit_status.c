/* expect: exit status | ends with 3 in one order */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int turn;
static void *work(void *a)
{
    atomic_fetch_add(&turn, 1);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    const int v = atomic_load(&turn);
    JOIN(t);
    return v == 1 ? 3 : 0;
}
