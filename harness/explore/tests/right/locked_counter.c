/* expect: right | two threads add under a mutex */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int value;
static void *add(void *a)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&lock);
        value++;
        pthread_mutex_unlock(&lock);
    }
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], add, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 4);
    return 0;
}
