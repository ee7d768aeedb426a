/* expect: right | an error-checking mutex says what is wrong */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock;
static void *not_mine(void *a)
{
    assert(pthread_mutex_unlock(&lock) == EPERM);
    return a;
}
int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&lock, &attributes);
    assert(pthread_mutex_lock(&lock) == 0);
    assert(pthread_mutex_lock(&lock) == EDEADLK);
    pthread_t t;
    START(t, not_mine, NULL);
    JOIN(t);
    assert(pthread_mutex_unlock(&lock) == 0);
    assert(pthread_mutex_unlock(&lock) == EPERM);
    pthread_mutex_destroy(&lock);
    return 0;
}
