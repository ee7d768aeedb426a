/* expect: assertion | takes a timed wait that ended before its time for the signal */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <time.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ready;
static void *work(void *a)
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
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    START(t, work, NULL);
    pthread_mutex_lock(&lock);
    if (!ready && pthread_cond_timedwait(&cond, &lock, &until) == 0)
        assert(ready);
    pthread_mutex_unlock(&lock);
    JOIN(t);
    return 0;
}
