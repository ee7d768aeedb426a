/* expect: livelock | waits again after any error, also after the one that a wrong time makes each wait end with */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

int main(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 500000000;
    pthread_mutex_lock(&lock);
    while (pthread_cond_timedwait(&cond, &lock, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&lock);
    return 0;
}
