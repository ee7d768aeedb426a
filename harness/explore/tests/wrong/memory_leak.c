/* expect: memory leak | a block nobody leads to */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static void *work(void *a)
{
    int *block = malloc(sizeof *block);
    *block = 1;
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    JOIN(t);
    return 0;
}
