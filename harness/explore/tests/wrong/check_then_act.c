/* expect: assertion | the check and the act are two critical sections */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stock = 1;
static void *buy(void *a)
{
    pthread_mutex_lock(&lock);
    const bool some = stock > 0;
    pthread_mutex_unlock(&lock);
    if (some) {
        pthread_mutex_lock(&lock);
        stock--;
        pthread_mutex_unlock(&lock);
    }
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], buy, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(stock >= 0);
    return 0;
}
