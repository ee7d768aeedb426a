/* expect: right | a thread that ends in the middle of its work gives back what it holds, the last taken first */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static int given_back, counted;

static void give_back(void *mutex)
{
    given_back = 10 * given_back + (mutex == &outer ? 1 : 2);
    pthread_mutex_unlock(mutex);
}

static void end(intptr_t how)
{
    if (how == 1)
        pthread_exit((void *)5);
    if (how == 2)
        thrd_exit(6);
}

static void *work(void *how)
{
    pthread_mutex_lock(&outer);
    pthread_cleanup_push(give_back, &outer);
    given_back = 0;
    pthread_mutex_lock(&inner);
    pthread_cleanup_push(give_back, &inner);
    end((intptr_t)how);
    pthread_cleanup_pop(0);
    pthread_mutex_unlock(&inner);
    assert(given_back == 0);
    counted++;
    pthread_cleanup_pop(1);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    void *result[3];
    for (intptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], &result[i]);
    assert(result[0] == NULL && result[1] == (void *)5 && result[2] == (void *)6 && counted == 1);
    assert(given_back == 1 || given_back == 21);
    return 0;
}
