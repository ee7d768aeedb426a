/* expect: right | bounded buffer with two semaphores and a mutex */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t filled, empty;
static int items[2], head, tail;
static void *put(void *a)
{
    for (int i = 1; i <= 3; i++) {
        sem_wait(&empty);
        pthread_mutex_lock(&lock);
        items[tail++ % 2] = i;
        pthread_mutex_unlock(&lock);
        sem_post(&filled);
    }
    return a;
}
static void *take(void *a)
{
    for (int i = 1; i <= 3; i++) {
        sem_wait(&filled);
        pthread_mutex_lock(&lock);
        assert(items[head++ % 2] == i);
        pthread_mutex_unlock(&lock);
        sem_post(&empty);
    }
    return a;
}
int main(void)
{
    pthread_t t[2];
    sem_init(&filled, 0, 0);
    sem_init(&empty, 0, 2);
    START(t[0], put, NULL);
    START(t[1], take, NULL);
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    int left;
    assert(sem_getvalue(&empty, &left) == 0 && left == 2 && sem_trywait(&filled) == -1 && errno == EAGAIN);
    sem_destroy(&filled);
    sem_destroy(&empty);
    return 0;
}
