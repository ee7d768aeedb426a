/* expect: right | looks at a stop flag between a thousand pieces of work */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_bool stop;
static long sum;
static void *work(void *a)
{
    for (int i = 0; i < 20000 && !atomic_load(&stop); i++)
        sum += i;
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    JOIN(t);
    return 0;
}
