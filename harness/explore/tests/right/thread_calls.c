/* expect: right | what a thread can ask about itself and others, joining and locking with a limit */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock;
static sem_t semaphore;
static pthread_t first;
static pid_t number;

static const struct timespec *soon(void)
{
    static _Thread_local struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec++;
    return &time;
}

static void *other(void *argument)
{
    cpu_set_t set;
    (void)argument;
    assert(!pthread_equal(pthread_self(), first) && pthread_equal(pthread_self(), pthread_self()));
    assert(gettid() != number && gettid() == gettid());
    assert(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1);
    assert(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0 && sched_getcpu() >= 0);
    assert(pthread_setname_np(pthread_self(), "other") == 0);
    assert(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, soon()) == ETIMEDOUT);
    assert(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, soon()) == ETIMEDOUT);
    assert(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, soon()) == 0);
    pthread_rwlock_unlock(&rwlock);
    return &number;
}

int main(void)
{
    pthread_t thread;
    void *result = NULL;
    first = pthread_self();
    number = gettid();
    cpu_set_t set;
    assert(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1);
    assert(sched_setaffinity(0, sizeof set, &set) == 0);
    assert(pthread_rwlock_init(&rwlock, NULL) == 0 && sem_init(&semaphore, 0, 1) == 0);
    assert(sem_clockwait(&semaphore, CLOCK_MONOTONIC, soon()) == 0);
    assert(sem_clockwait(&semaphore, CLOCK_MONOTONIC, soon()) == -1 && errno == ETIMEDOUT);
    assert(clock() >= 0);
    struct timeval day;
    struct timespec same;
    assert(gettimeofday(&day, NULL) == 0 && clock_gettime(CLOCK_REALTIME, &same) == 0 && same.tv_sec >= day.tv_sec);
    assert(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, soon()) == 0);
    assert(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, soon()) == 0);
    pthread_create(&thread, NULL, other, NULL);
    int error;
    while ((error = pthread_tryjoin_np(thread, &result)) == EBUSY)
        sched_yield();
    assert(error == 0 && result == &number);
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_unlock(&rwlock);
    assert(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, soon()) == 0);
    pthread_rwlock_unlock(&rwlock);
    quick_exit(0);
}
