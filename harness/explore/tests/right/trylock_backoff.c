/* expect: right | gives back what it has when the second lock is busy */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sched.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static int value;
static void both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    for (;;) {
        pthread_mutex_lock(first);
        if (pthread_mutex_trylock(second) == 0)
            break;
        pthread_mutex_unlock(first);
        sched_yield();
    }
    value++;
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}
static void *one(void *x)
{
    both(&a, &b);
    return x;
}
static void *other(void *x)
{
    both(&b, &a);
    return x;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], one, NULL);
    START(t[1], other, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    assert(value == 2);
    return 0;
}
