/* expect: right | waits until all sleep: one gives up spinning and sleeps, one sleeps for a day, locks spin */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

void scenario_until_all_sleep(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_flag spin = ATOMIC_FLAG_INIT;
static atomic_int ready;
static int asleep;

static void about_to_sleep(void)
{
    while (atomic_flag_test_and_set(&spin))
        continue;
    asleep++;
    atomic_flag_clear(&spin);
}
static void *spin_then_sleep(void *a)
{
    for (int i = 0; i < 60; i++)
        if (atomic_load(&ready))
            return a;
    about_to_sleep();
    pthread_mutex_lock(&lock);
    while (!atomic_load(&ready))
        pthread_cond_wait(&cond, &lock);
    pthread_mutex_unlock(&lock);
    return a;
}
static void *sleep_for_a_day(void *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 24 * 60 * 60;
    about_to_sleep();
    pthread_mutex_lock(&lock);
    while (!atomic_load(&ready) && pthread_cond_timedwait(&cond, &lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], spin_then_sleep, NULL);
    START(t[1], sleep_for_a_day, NULL);
    scenario_until_all_sleep();
    pthread_mutex_lock(&lock);
    atomic_store(&ready, 1);
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    JOIN(t[0]);
    JOIN(t[1]);
    assert(asleep == 2);
    return 0;
}
