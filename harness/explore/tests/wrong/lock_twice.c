/* expect: deadlock | a function that locks is called with the lock held */
/* shows: takes the mutex */
#define _GNU_SOURCE
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int value;
static int get(void)
{
    pthread_mutex_lock(&lock);
    const int v = value;
    pthread_mutex_unlock(&lock);
    return v;
}
int main(void)
{
    pthread_mutex_lock(&lock);
    value = get() + 1;
    pthread_mutex_unlock(&lock);
    return 0;
}
