/* expect: assertion | a wake-up for no reason makes it wait the whole time again */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static struct timespec in_ten_seconds(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    return until;
}
int main(void)
{
    const time_t begin = time(NULL);
    int error;
    pthread_mutex_lock(&lock);
    do {
        const struct timespec until = in_ten_seconds();
        error = pthread_cond_timedwait(&cond, &lock, &until);
    } while (error == 0);
    pthread_mutex_unlock(&lock);
    assert(time(NULL) - begin <= 11);
    return 0;
}
