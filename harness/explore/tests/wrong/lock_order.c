/* expect: deadlock | two locks in two orders */
/* shows: takes mutex 2 */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static void *one(void *x)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    return x;
}
static void *other(void *x)
{
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
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
