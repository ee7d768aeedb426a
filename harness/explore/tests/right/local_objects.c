/* expect: right | locks on the stack, made and destroyed again and again at the same address */
#define _GNU_SOURCE
#include <pthread.h>

static void with_mutex(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    pthread_mutex_destroy(&lock);
}
static void with_cond(void)
{
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_cond_signal(&cond);
}
static void with_rwlock(void)
{
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_rdlock(&lock);
    pthread_rwlock_unlock(&lock);
}
int main(void)
{
    for (int i = 0; i < 3; i++) {
        with_mutex();
        with_cond();
        with_rwlock();
    }
    return 0;
}
