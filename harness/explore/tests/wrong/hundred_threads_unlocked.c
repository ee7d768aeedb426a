/* expect: data race | one thread of a hundred forgets the lock */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { N = 100, ODD_ONE = 73 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int value;
static void *add(void *a)
{
    if ((intptr_t)a == ODD_ONE) {
        value++;
        return NULL;
    }
    pthread_mutex_lock(&lock);
    value++;
    pthread_mutex_unlock(&lock);
    return NULL;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], add, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    return 0;
}
