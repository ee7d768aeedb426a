/* expect: right | thread-specific data, freed by its destructor */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_key_t key;
static void *work(void *a)
{
    int *own = malloc(sizeof *own);
    *own = (int)(intptr_t)a;
    pthread_setspecific(key, own);
    sched_yield();
    assert(*(int *)pthread_getspecific(key) == (int)(intptr_t)a);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    pthread_key_create(&key, free);
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(pthread_getspecific(key) == NULL);
    pthread_key_delete(key);
    return 0;
}
