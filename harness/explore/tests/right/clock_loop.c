/* expect: right | waits by looking at the clock until ten seconds are over */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static atomic_int ready;
static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}
static void *work(void *a)
{
    const long long end = now() + 10000000000LL;
    while (!atomic_load(&ready) && now() < end)
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
