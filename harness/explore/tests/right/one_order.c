/* expect: right | a scenario in one order only may make more steps than others, and a single schedule of it is run */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>

void scenario_one_order(void);

enum { ROUNDS = 100000 };

static sem_t there, back;
static int runs;

static void *answer(void *a)
{
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(&there);
        runs++;
        sem_post(&back);
    }
    return a;
}
int main(void)
{
    pthread_t t;
    scenario_one_order();
    sem_init(&there, 0, 0);
    sem_init(&back, 0, 0);
    pthread_create(&t, NULL, answer, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        sem_post(&there);
        sem_wait(&back);
    }
    pthread_join(t, NULL);
    assert(runs == ROUNDS);
    return 0;
}
