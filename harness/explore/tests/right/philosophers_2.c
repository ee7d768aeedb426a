/* expect: right | two philosophers, the lower fork first */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

enum { N = 2 };
static pthread_mutex_t forks[N];
static void *dine(void *a)
{
    const int i = (int)(intptr_t)a, j = (i + 1) % N;
    const int low = i < j ? i : j, high = i < j ? j : i;
    pthread_mutex_lock(&forks[low]);
    pthread_mutex_lock(&forks[high]);
    pthread_mutex_unlock(&forks[high]);
    pthread_mutex_unlock(&forks[low]);
    return NULL;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        pthread_mutex_init(&forks[i], NULL);
    for (int i = 0; i < N; i++)
        START(t[i], dine, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    return 0;
}
