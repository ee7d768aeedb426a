/* expect: data race | double-checked initialisation with a plain pointer */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *instance;
static int *get(void)
{
    if (instance == NULL) {
        pthread_mutex_lock(&lock);
        if (instance == NULL) {
            int *p = malloc(sizeof *p);
            *p = 7;
            instance = p;
        }
        pthread_mutex_unlock(&lock);
    }
    return instance;
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
    free(instance);
    return 0;
}
