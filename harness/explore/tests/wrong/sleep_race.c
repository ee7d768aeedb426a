/* expect: data race | a sleep does not order accesses */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int value;
static void *work(void *a)
{
    value = 1;
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    sleep(1);
    const int v = value;
    JOIN(t);
    return v == 1 ? 0 : 1;
}
