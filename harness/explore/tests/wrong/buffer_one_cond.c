/* expect: lost wake-up | bounded buffer, one condition variable, signal wakes the wrong side */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int count;
static void *put(void *a)
{
    pthread_mutex_lock(&lock);
    while (count == 1)
        pthread_cond_wait(&cond, &lock);
    count++;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    return a;
}
static void *take(void *a)
{
    pthread_mutex_lock(&lock);
    while (count == 0)
        pthread_cond_wait(&cond, &lock);
    count--;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[4];
    for (int i = 0; i < 2; i++)
        START(t[i], take, NULL);
    for (int i = 2; i < 4; i++)
        START(t[i], put, NULL);
    for (int i = 0; i < 4; i++)
        JOIN(t[i]);
    return 0;
}
