/* expect: assertion | depends on who is first */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int order;
static void *work(void *a)
{
    pthread_mutex_lock(&lock);
    order = order * 10 + (int)(intptr_t)a;
    pthread_mutex_unlock(&lock);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], work, (void *)1);
    START(t[1], work, (void *)2);
    JOIN(t[0]);
    JOIN(t[1]);
    assert(order == 12);
    return 0;
}
