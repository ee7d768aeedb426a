/* expect: assertion | a sleep is no synchronisation */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int ready;
static void *work(void *a)
{
    usleep(1000);
    atomic_store(&ready, 1);
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    sleep(1);
    assert(atomic_load(&ready) == 1);
    JOIN(t);
    return 0;
}
