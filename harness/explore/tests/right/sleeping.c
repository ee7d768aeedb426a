/* expect: right | sleeps take at least their time */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
static void *work(void *a)
{
    const double begin = now();
    usleep(1000);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 3000000}, NULL);
    sleep(1);
    assert(now() - begin >= 1.00599);
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(time(NULL) > 0);
    return 0;
}
