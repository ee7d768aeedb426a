/* expect: misuse | destroys a mutex that may still be locked */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int done;
static void *work(void *a)
{
    pthread_mutex_lock(&lock);
    atomic_store(&done, 1);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    while (atomic_load(&done) == 0)
        sched_yield();
    pthread_mutex_destroy(&lock);
    JOIN(t);
    return 0;
}
