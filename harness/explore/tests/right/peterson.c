/* expect: right | Peterson's lock, sequentially consistent */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int flag[2], turn;
static int value;
static void *work(void *a)
{
    const int me = (int)(intptr_t)a;
    atomic_store(&flag[me], 1);
    atomic_store(&turn, 1 - me);
    while (atomic_load(&flag[1 - me]) == 1 && atomic_load(&turn) == 1 - me)
        ;
    value++;
    atomic_store(&flag[me], 0);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(value == 2);
    return 0;
}
