/* expect: right | yields a thousand times while the others wait */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static void *work(void *a)
{
    for (int i = 0; i < 1000; i++)
        sched_yield();
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    JOIN(t);
    return 0;
}
