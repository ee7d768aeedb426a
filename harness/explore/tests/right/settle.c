/* expect: right | scenario_settle returns when the others sleep, whoever they wait for, and a short spin is no harm */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

void scenario_settle(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool go;
static atomic_int waiting;

static void *wait_to_go(void *argument)
{
    for (int i = 0; i < 3; i++)
        if (atomic_load(&waiting) > 1)
            break;
    waiting++;
    pthread_mutex_lock(&lock);
    while (!go)
        pthread_cond_wait(&cond, &lock);
    pthread_mutex_unlock(&lock);
    waiting--;
    return argument;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, wait_to_go, NULL);
    scenario_settle();
    assert(waiting == 2);
    pthread_mutex_lock(&lock);
    go = true;
    pthread_mutex_unlock(&lock);
    pthread_cond_broadcast(&cond);
    scenario_settle();
    assert(waiting == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
