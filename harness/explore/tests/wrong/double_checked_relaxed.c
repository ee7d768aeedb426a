/* expect: data race | double-checked initialisation with relaxed accesses */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(int *) instance;
static int box;
static int *get(void)
{
    int *p = atomic_load_explicit(&instance, memory_order_relaxed);
    if (p != NULL)
        return p;
    pthread_mutex_lock(&lock);
    if (atomic_load_explicit(&instance, memory_order_relaxed) == NULL) {
        box = 7;
        atomic_store_explicit(&instance, &box, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return &box;
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
    return 0;
}
