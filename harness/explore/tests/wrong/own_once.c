/* expect: data race | a home-made once without a lock */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int done, made;
static void *work(void *a)
{
    if (!done) {
        made++;
        done = 1;
    }
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
