/* expect: misuse | a semaphore nobody initialised */
#define _GNU_SOURCE
#include <semaphore.h>

static sem_t semaphore;
int main(void)
{
    sem_post(&semaphore);
    sem_wait(&semaphore);
    return 0;
}
