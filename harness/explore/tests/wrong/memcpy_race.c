/* expect: data race | libc writes for the thread */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static char text[32];
static void *work(void *a)
{
    strcpy(text, a);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], work, "one");
    START(t[1], work, "two");
    JOIN(t[0]);
    JOIN(t[1]);
    return 0;
}
