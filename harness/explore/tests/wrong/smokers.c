/* expect: lost wake-up | cigarette smokers, each takes one ingredient and waits for the other */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static sem_t ingredient[3], smoked;
static void *smoke(void *a)
{
    const int i = (int)(intptr_t)a;
    sem_wait(&ingredient[i]);
    sem_wait(&ingredient[(i + 1) % 3]);
    sem_post(&smoked);
    return NULL;
}
int main(void)
{
    pthread_t t[3];
    sem_init(&smoked, 0, 0);
    for (int i = 0; i < 3; i++)
        sem_init(&ingredient[i], 0, 0);
    for (int i = 0; i < 3; i++)
        START(t[i], smoke, (void *)(intptr_t)i);
    for (int round = 0; round < 3; round++) {
        sem_post(&ingredient[round]);
        sem_post(&ingredient[(round + 1) % 3]);
        sem_wait(&smoked);
    }
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    return 0;
}
