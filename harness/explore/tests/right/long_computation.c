/* expect: right | each thread works on a part of an array */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

enum { N = 20000 };
static int numbers[N];
static long sums[2];
static void *work(void *a)
{
    const int i = (int)(intptr_t)a;
    for (int k = i * N / 2; k < (i + 1) * N / 2; k++)
        sums[i] += numbers[k] + 1;
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(sums[0] + sums[1] == N);
    return 0;
}
