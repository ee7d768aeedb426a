/* expect: right | double-checked initialisation with acquire and release */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(int *) instance;
static int made;
static int *get(void)
{
    int *p = atomic_load_explicit(&instance, memory_order_acquire);
    if (p != NULL)
        return p;
    pthread_mutex_lock(&lock);
    p = atomic_load_explicit(&instance, memory_order_relaxed);
    if (p == NULL) {
        p = malloc(sizeof *p);
        *p = 7;
        made++;
        atomic_store_explicit(&instance, p, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return p;
}
static void *work(void *a)
{
    assert(*get() == 7);
    return a;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        START(t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(made == 1);
    free(get());
    return 0;
}
