/* expect: data race | main leaves and its handler reads what a detached thread writes */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int value;
static void report(void)
{
    printf("%d\n", value);
}
static void *work(void *a)
{
    value = 1;
    return a;
}
int main(void)
{
    pthread_t t;
    atexit(report);
    START(t, work, NULL);
    pthread_detach(t);
    return 0;
}
