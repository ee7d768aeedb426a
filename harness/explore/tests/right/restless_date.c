/* expect: right | the date is set forward after each look, the monotonic clock is not; a coarse clock is up to a tick
 * behind */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

void scenario_restless_date(void);

static long long nanoseconds(struct timespec t)
{
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void)
{
    const long long hour = 3600000000000LL;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec date, later, until, begin, end, coarse;
    clock_gettime(CLOCK_REALTIME, &date);
    clock_gettime(CLOCK_REALTIME, &later);
    assert(nanoseconds(later) - nanoseconds(date) < hour);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    scenario_restless_date();
    clock_gettime(CLOCK_REALTIME, &date);
    clock_gettime(CLOCK_REALTIME, &later);
    assert(nanoseconds(later) - nanoseconds(date) >= hour);

    /* The moment is past before the wait for it begins. */
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&mutex);
    int rc = 0;
    while (rc == 0)
        rc = pthread_cond_timedwait(&cond, &mutex, &until);
    pthread_mutex_unlock(&mutex);
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
    assert(rc == ETIMEDOUT && nanoseconds(end) == nanoseconds(begin));

    assert(nanoseconds(coarse) < nanoseconds(end) && nanoseconds(end) - nanoseconds(coarse) < 4000000);
    nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
    assert(nanoseconds(end) == nanoseconds(coarse));
    return 0;
}
