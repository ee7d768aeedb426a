/* expect: deadlock | one thread of twenty takes the two locks the other way round */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { N = 20, ODD_ONE = 13 };
static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static void *take_both(void *a)
{
    const int first = (intptr_t)a == ODD_ONE;
    pthread_mutex_lock(&locks[first]);
    pthread_mutex_lock(&locks[1 - first]);
    pthread_mutex_unlock(&locks[1 - first]);
    pthread_mutex_unlock(&locks[first]);
    return NULL;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], take_both, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    return 0;
}
