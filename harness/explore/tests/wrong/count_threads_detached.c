/* expect: assertion | a thread that was told to end, and is not joined, may not have ended yet */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>

int scenario_count_threads(void);

static sem_t done;

static void *end(void *a)
{
    sem_post(&done);
    sem_post(&done);
    return a;
}
int main(void)
{
    pthread_t t;
    sem_init(&done, 0, 0);
    pthread_create(&t, NULL, end, NULL);
    pthread_detach(t);
    sem_wait(&done);
    const int count = scenario_count_threads();
    sem_wait(&done);
    assert(count == 1);
    return 0;
}
