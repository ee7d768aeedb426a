/* expect: misuse | waits on a condition variable without the mutex */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static void *signaller(void *a)
{
    pthread_cond_signal(&cond);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, signaller, NULL);
    pthread_cond_wait(&cond, &lock);
    JOIN(t);
    return 0;
}
