/* expect: data race | each thread takes another lock */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static int value;
static void *add(void *a)
{
    pthread_mutex_t *mine = a;
    pthread_mutex_lock(mine);
    value++;
    pthread_mutex_unlock(mine);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], add, &locks[i]);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
