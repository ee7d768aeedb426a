/* expect: right | a pthread spin lock */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_spinlock_t lock;
static int value;
static void *work(void *a)
{
    pthread_spin_lock(&lock);
    value++;
    pthread_spin_unlock(&lock);
    while (pthread_spin_trylock(&lock) != 0)
        ;
    value++;
    pthread_spin_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[2];
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 4);
    pthread_spin_destroy(&lock);
    return 0;
}
