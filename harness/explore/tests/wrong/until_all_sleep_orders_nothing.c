/* expect: data race | that a thread was seen asleep does not make what it did before ordered */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

void scenario_until_all_sleep(void);

static sem_t go;
static int value;
static void *work(void *a)
{
    value = 1;
    sem_wait(&go);
    return a;
}
int main(void)
{
    pthread_t t;
    sem_init(&go, 0, 0);
    START(t, work, NULL);
    scenario_until_all_sleep();
    value = 2;
    sem_post(&go);
    JOIN(t);
    sem_destroy(&go);
    return 0;
}
