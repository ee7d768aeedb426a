/* expect: livelock | waits for a flag nobody sets */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int ready;
static void *work(void *a)
{
    while (!atomic_load(&ready))
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
