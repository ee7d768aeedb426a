/* expect: livelock | naps that add up to hours: a time-out of seconds that is waited for again and again */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

void scenario_until_all_sleep(void);

static atomic_int ready;
static void *work(void *a)
{
    while (!atomic_load(&ready))
        sleep(5);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    scenario_until_all_sleep();
    atomic_store(&ready, 1);
    JOIN(t);
    return 0;
}
