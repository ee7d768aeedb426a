/* expect: right | pthread_once orders what it made */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int made;
static void make(void)
{
    made++;
}
static void *work(void *a)
{
    pthread_once(&once, make);
    assert(made == 1);
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
