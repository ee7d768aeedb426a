/* expect: unsupported: pthread_cancel | cancellation is not modelled */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static void *work(void *a)
{
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    pthread_cancel(t);
    JOIN(t);
    return 0;
}
