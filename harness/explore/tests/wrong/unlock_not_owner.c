/* expect: misuse | another thread unlocks */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *unlock(void *a)
{
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t;
    pthread_mutex_lock(&lock);
    START(t, unlock, NULL);
    JOIN(t);
    return 0;
}
