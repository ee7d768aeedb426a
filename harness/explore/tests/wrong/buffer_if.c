/* expect: assertion | bounded buffer with `if': two consumers are let at one item */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int count;
static void *put(void *a)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&lock);
        count++;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&lock);
    }
    return a;
}
static void *take(void *a)
{
    pthread_mutex_lock(&lock);
    if (count == 0)
        pthread_cond_wait(&filled, &lock);
    assert(count > 0);
    count--;
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[3];
    for (int i = 0; i < 2; i++)
        START(t[i], take, NULL);
    START(t[2], put, NULL);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    return 0;
}
