/* expect: right | a recursive mutex is locked twice */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock;
static int value;
static void *add(void *a)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
    value++;
    pthread_mutex_unlock(&lock);
    value++;
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], add, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 4);
    pthread_mutex_destroy(&lock);
    return 0;
}
