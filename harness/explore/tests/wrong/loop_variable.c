/* expect: data race | the address of the loop variable is given to the threads */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int seen[3];
static void *work(void *a)
{
    const int i = *(int *)a;
    if (i < 3)
        seen[i] = 1;
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, &i);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
