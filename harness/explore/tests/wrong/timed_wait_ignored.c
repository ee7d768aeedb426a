/* expect: assertion | takes the end of the time for a signal */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <time.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready;
static void *set(void *a)
{
    pthread_mutex_lock(&lock);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t;
    struct timespec until;
    START(t, set, NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&lock);
    if (!ready)
        pthread_cond_timedwait(&cond, &lock, &until);
    assert(ready);
    pthread_mutex_unlock(&lock);
    JOIN(t);
    return 0;
}
