/* expect: right | two orders, but only under a third lock */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static void both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
    pthread_mutex_unlock(&gate);
}
static void *one(void *x)
{
    both(&a, &b);
    return x;
}
static void *other(void *x)
{
    both(&b, &a);
    return x;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], one, NULL);
    START(t[1], other, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    return 0;
}
