/* expect: right | the owner ends with the lock; the next makes it consistent */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock;
static void *die(void *a)
{
    pthread_mutex_lock(&lock);
    return a;
}
int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&lock, &attributes);
    pthread_t t;
    START(t, die, NULL);
    JOIN(t);
    assert(pthread_mutex_lock(&lock) == EOWNERDEAD);
    assert(pthread_mutex_consistent(&lock) == 0);
    pthread_mutex_unlock(&lock);
    assert(pthread_mutex_lock(&lock) == 0);
    pthread_mutex_unlock(&lock);
    return 0;
}
