/* expect: lost wake-up | the flag is atomic and set without the mutex, between test and wait */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_int ready;
static void *set(void *a)
{
    atomic_store(&ready, 1);
    pthread_cond_signal(&cond);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, set, NULL);
    pthread_mutex_lock(&lock);
    while (atomic_load(&ready) == 0)
        pthread_cond_wait(&cond, &lock);
    pthread_mutex_unlock(&lock);
    JOIN(t);
    return 0;
}
