/* expect: exit with lock | the handler of the inner lock is taken off too early */
#define _GNU_SOURCE
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void give_back(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&mutex);
}

static void *work(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(give_back, NULL);
    pthread_cleanup_pop(0);
    pthread_exit(unused);
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
