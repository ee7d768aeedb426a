/* expect: right | readers share, writers do not */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int value;
static void *read_it(void *a)
{
    pthread_rwlock_rdlock(&lock);
    assert(value % 2 == 0);
    pthread_rwlock_unlock(&lock);
    return a;
}
static void *write_it(void *a)
{
    pthread_rwlock_wrlock(&lock);
    value++;
    value++;
    pthread_rwlock_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[3];
    START(t[0], read_it, NULL);
    START(t[1], write_it, NULL);
    START(t[2], read_it, NULL);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    pthread_rwlock_destroy(&lock);
    return 0;
}
