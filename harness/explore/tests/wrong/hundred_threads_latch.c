/* expect: lost wake-up | the last of a hundred threads opens the latch without the lock */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { N = 100 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t zero = PTHREAD_COND_INITIALIZER;
static atomic_int left = N;
static void *count_down(void *a)
{
    if (atomic_fetch_sub(&left, 1) == 1)
        pthread_cond_signal(&zero);
    return a;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], count_down, NULL);
    pthread_mutex_lock(&lock);
    while (atomic_load(&left) > 0)
        pthread_cond_wait(&zero, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    return 0;
}
