/* expect: crash | aborts when the second comes first */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int turn;
static void *work(void *a)
{
    if (atomic_fetch_add(&turn, 1) == 0 && a != NULL)
        abort();
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], work, NULL);
    START(t[1], work, &turn);
    JOIN(t[0]);
    JOIN(t[1]);
    return 0;
}
