/* expect: right | readers and writers from one mutex and one condition variable */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int readers, writing, value;
static void *read_it(void *a)
{
    pthread_mutex_lock(&lock);
    while (writing)
        pthread_cond_wait(&cond, &lock);
    readers++;
    pthread_mutex_unlock(&lock);
    assert(value % 2 == 0);
    pthread_mutex_lock(&lock);
    if (--readers == 0)
        pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    return a;
}
static void *write_it(void *a)
{
    pthread_mutex_lock(&lock);
    while (writing || readers > 0)
        pthread_cond_wait(&cond, &lock);
    writing = 1;
    pthread_mutex_unlock(&lock);
    value++;
    value++;
    pthread_mutex_lock(&lock);
    writing = 0;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[3];
    START(t[0], read_it, NULL);
    START(t[1], write_it, NULL);
    START(t[2], read_it, NULL);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    return 0;
}
