/* expect: double free | two threads free the same block */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *block;
static void *drop(void *a)
{
    pthread_mutex_lock(&lock);
    free(block);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[2];
    block = malloc(10);
    for (int i = 0; i < 2; i++)
        START(t[i], drop, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
