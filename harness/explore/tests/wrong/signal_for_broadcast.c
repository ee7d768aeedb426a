/* expect: lost wake-up | two threads wait, one is signalled */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool open;
static void *pass(void *a)
{
    pthread_mutex_lock(&lock);
    while (!open)
        pthread_cond_wait(&cond, &lock);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], pass, NULL);
    pthread_mutex_lock(&lock);
    open = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
