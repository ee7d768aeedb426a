/* expect: deadlock | waits for the other one with a lock in hand that the other one needs */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER, state = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready;

static void *prepare(void *argument)
{
    pthread_mutex_lock(&table);
    pthread_mutex_unlock(&table);
    pthread_mutex_lock(&state);
    ready = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&state);
    return argument;
}

int main(void)
{
    pthread_t other;
    pthread_create(&other, NULL, prepare, NULL);
    pthread_mutex_lock(&table);
    pthread_mutex_lock(&state);
    while (!ready)
        pthread_cond_wait(&changed, &state);
    pthread_mutex_unlock(&state);
    pthread_mutex_unlock(&table);
    pthread_join(other, NULL);
    return 0;
}
