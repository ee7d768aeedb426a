/* expect: lost wake-up | readers and writers in the order of their tickets, but only one waiter is told */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread)                      pthread_join(thread, NULL)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int next_ticket, serving, readers, value;
static void wait_for_turn(void)
{
    const int ticket = next_ticket++;
    while (serving != ticket)
        pthread_cond_wait(&moved, &lock);
}
static void *read_it(void *a)
{
    pthread_mutex_lock(&lock);
    wait_for_turn();
    readers++;
    serving++;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
    assert(value % 2 == 0);
    pthread_mutex_lock(&lock);
    if (--readers == 0)
        pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
    return a;
}
static void *write_it(void *a)
{
    pthread_mutex_lock(&lock);
    wait_for_turn();
    while (readers > 0)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
    value++;
    value++;
    pthread_mutex_lock(&lock);
    serving++;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
    return a;
}
int main(void)
{
    pthread_t t[4];
    START(t[0], read_it, NULL);
    START(t[1], write_it, NULL);
    START(t[2], read_it, NULL);
    START(t[3], write_it, NULL);
    for (int i = 0; i < 4; i++)
        JOIN(t[i]);
    assert(value == 4);
    return 0;
}
