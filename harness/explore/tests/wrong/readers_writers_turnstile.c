/* expect: data race | readers and writers with a turnstile, but the readers are counted without the lock */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static sem_t turnstile, room_empty;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int readers, value;
static void *read_it(void *a)
{
    sem_wait(&turnstile);
    sem_post(&turnstile);
    pthread_mutex_lock(&lock);
    if (++readers == 1)
        sem_wait(&room_empty);
    pthread_mutex_unlock(&lock);
    assert(value % 2 == 0);
    if (--readers == 0)
        sem_post(&room_empty);
    return a;
}
static void *write_it(void *a)
{
    sem_wait(&turnstile);
    sem_wait(&room_empty);
    value++;
    value++;
    sem_post(&turnstile);
    sem_post(&room_empty);
    return a;
}
int main(void)
{
    pthread_t t[4];
    sem_init(&turnstile, 0, 1);
    sem_init(&room_empty, 0, 1);
    START(t[0], read_it, NULL);
    START(t[1], write_it, NULL);
    START(t[2], read_it, NULL);
    START(t[3], write_it, NULL);
    for (int i = 0; i < 4; i++)
        JOIN(t[i]);
    assert(value == 4);
    return 0;
}
