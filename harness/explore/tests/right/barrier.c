/* expect: right | phases divided by a barrier */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

enum { N = 3 };
static pthread_barrier_t barrier;
static int part[N];
static atomic_int serial;
static void *work(void *a)
{
    const int i = (int)(intptr_t)a;
    part[i] = i + 1;
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        atomic_fetch_add(&serial, 1);
    int sum = 0;
    for (int k = 0; k < N; k++)
        sum += part[k];
    assert(sum == 6);
    return NULL;
}
int main(void)
{
    pthread_t t[N];
    pthread_barrier_init(&barrier, NULL, N);
    for (int i = 0; i < N; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < N; i++)
        JOIN(t[i]);
    assert(serial == 1);
    pthread_barrier_destroy(&barrier);
    return 0;
}
