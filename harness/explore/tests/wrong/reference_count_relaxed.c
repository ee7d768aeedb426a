/* expect: use after free | the last one frees, but nothing orders the others' reads before */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

struct thing {
    atomic_int count;
    int value;
};
static void *drop(void *a)
{
    struct thing *thing = a;
    const int v = thing->value;
    if (atomic_fetch_sub_explicit(&thing->count, 1, memory_order_relaxed) == 1)
        free(thing);
    return (void *)(intptr_t)v;
}
int main(void)
{
    pthread_t t[2];
    struct thing *thing = malloc(sizeof *thing);
    thing->count = 2;
    thing->value = 1;
    for (int i = 0; i < 2; i++)
        START(t[i], drop, thing);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    return 0;
}
