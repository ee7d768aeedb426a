/* expect: memory leak | only if main looked at the block in time does its stack still lead to it */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static int *_Atomic shared;
static void *work(void *a)
{
    atomic_store(&shared, malloc(sizeof(int)));
    atomic_store(&shared, NULL);
    return a;
}
static void look(void)
{
    int *volatile seen = atomic_load(&shared);
    (void)seen;
}
static void look_from_deep_down(void)
{
    volatile char room[3000];
    room[0] = 0;
    look();
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    if (atomic_load(&shared) != NULL)
        look_from_deep_down();
    JOIN(t);
    return 0;
}
