/* expect: right | two threads write neighbouring bytes */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static char bytes[8];
static struct {
    short a, b;
} pair;
static void *work(void *a)
{
    const int i = (int)(intptr_t)a;
    bytes[i]++;
    if (i == 0)
        pair.a = 1;
    else
        pair.b = 1;
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
