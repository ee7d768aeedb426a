/* expect: right | clocks: attribute and clockwait */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
int main(void)
{
    struct timespec begin, end, until;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cond, &attributes);
    pthread_condattr_destroy(&attributes);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    until = begin;
    until.tv_sec += 2;
    pthread_mutex_lock(&lock);
    while (pthread_cond_timedwait(&cond, &lock, &until) != ETIMEDOUT)
        ;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3;
    while (pthread_cond_clockwait(&cond, &lock, CLOCK_REALTIME, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&lock);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert(end.tv_sec - begin.tv_sec >= 5);
    pthread_cond_destroy(&cond);
    return 0;
}
