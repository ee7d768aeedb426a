/* expect: livelock | asks again and again, with a lock and a yield, and does not sleep */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

void scenario_until_all_sleep(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ready;
static int is_ready(void)
{
    pthread_mutex_lock(&lock);
    int now = ready;
    pthread_mutex_unlock(&lock);
    return now;
}
static void *work(void *a)
{
    while (!is_ready())
        sched_yield();
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    scenario_until_all_sleep();
    pthread_mutex_lock(&lock);
    ready = 1;
    pthread_mutex_unlock(&lock);
    JOIN(t);
    return 0;
}
