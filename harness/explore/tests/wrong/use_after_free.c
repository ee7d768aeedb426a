/* expect: use after free | a worker uses what main has freed */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int started;
static void *work(void *a)
{
    int *value = a;
    atomic_store(&started, 1);
    *value += 1;
    return NULL;
}
int main(void)
{
    pthread_t t;
    int *value = calloc(1, sizeof *value);
    START(t, work, value);
    while (atomic_load(&started) == 0)
        ;
    free(value);
    JOIN(t);
    return 0;
}
