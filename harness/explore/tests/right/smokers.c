/* expect: right | cigarette smokers, with a pusher for each ingredient */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static sem_t ingredient[3], smoker[3], smoked;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static int lies[3];
static void *push(void *a)
{
    const int i = (int)(intptr_t)a, one = (i + 1) % 3, other = (i + 2) % 3;
    for (int round = 0; round < 2; round++) {
        sem_wait(&ingredient[i]);
        pthread_mutex_lock(&table);
        if (lies[one]) {
            lies[one] = 0;
            sem_post(&smoker[other]);
        } else if (lies[other]) {
            lies[other] = 0;
            sem_post(&smoker[one]);
        } else {
            lies[i] = 1;
        }
        pthread_mutex_unlock(&table);
    }
    return NULL;
}
static void *smoke(void *a)
{
    sem_wait(&smoker[(intptr_t)a]);
    sem_post(&smoked);
    return NULL;
}
int main(void)
{
    pthread_t t[6];
    sem_init(&smoked, 0, 0);
    for (int i = 0; i < 3; i++) {
        sem_init(&ingredient[i], 0, 0);
        sem_init(&smoker[i], 0, 0);
    }
    for (int i = 0; i < 3; i++) {
        START(t[i], push, (void *)(intptr_t)i);
        START(t[3 + i], smoke, (void *)(intptr_t)i);
    }
    for (int round = 0; round < 3; round++) {
        sem_post(&ingredient[round]);
        sem_post(&ingredient[(round + 1) % 3]);
        sem_wait(&smoked);
    }
    for (int i = 0; i < 6; i++)
        JOIN(t[i]);
    return 0;
}
