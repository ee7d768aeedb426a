/* expect: data race | reads the others' parts without waiting */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

enum { N = 2 };
static int part[N];
static void *work(void *a)
{
    const int i = (int)(intptr_t)a;
    part[i] = 1;
    assert(part[1 - i] <= 1);
    return NULL;
}
int main(void)
{
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    return 0;
}
