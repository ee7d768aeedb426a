/* expect: assertion | tv_nsec grows beyond a second, so the wait fails and its time is not waited for */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

int main(void)
{
    struct timespec begin, until, end;
    clock_gettime(CLOCK_REALTIME, &begin);
    until = begin;
    until.tv_nsec += 500000000;
    pthread_mutex_lock(&lock);
    while (pthread_cond_timedwait(&cond, &lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&lock);
    clock_gettime(CLOCK_REALTIME, &end);
    assert((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec >= 500000000);
    return 0;
}
