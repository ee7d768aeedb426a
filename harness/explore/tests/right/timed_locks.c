/* expect: right | timed forms of mutex, read-write lock and semaphore */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static void *work(void *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    assert(pthread_mutex_timedlock(&lock, &until) == ETIMEDOUT);
    assert(pthread_rwlock_timedrdlock(&rwlock, &until) == ETIMEDOUT);
    assert(pthread_rwlock_timedwrlock(&rwlock, &until) == ETIMEDOUT);
    assert(pthread_rwlock_tryrdlock(&rwlock) == EBUSY && pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    assert(sem_timedwait(&semaphore, &until) == -1 && errno == ETIMEDOUT);
    return a;
}
int main(void)
{
    pthread_t t;
    sem_init(&semaphore, 0, 0);
    pthread_mutex_lock(&lock);
    pthread_rwlock_wrlock(&rwlock);
    START(t, work, NULL);
    JOIN(t);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_unlock(&lock);
    return 0;
}
