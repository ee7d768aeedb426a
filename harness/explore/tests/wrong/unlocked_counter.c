/* expect: data race | two threads add without a lock */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int value;
static void *add(void *a)
{
    value++;
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], add, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
