/* expect: lost wake-up | nobody posts */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static sem_t semaphore;
static void *work(void *a)
{
    sem_wait(&semaphore);
    return a;
}
int main(void)
{
    pthread_t t;
    sem_init(&semaphore, 0, 0);
    START(t, work, NULL);
    JOIN(t);
    return 0;
}
