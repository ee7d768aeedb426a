/* expect: data race | a semaphore that lets two in */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static sem_t semaphore;
static int value;
static void *work(void *a)
{
    sem_wait(&semaphore);
    value++;
    sem_post(&semaphore);
    return a;
}
int main(void)
{
    pthread_t t[2];
    sem_init(&semaphore, 0, 2);
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
