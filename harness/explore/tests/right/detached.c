/* expect: right | a detached thread may be left alone */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static void *work(void *a)
{
    return a;
}
int main(void)
{
    pthread_t t;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_create(&t, &attributes, work, NULL);
    pthread_attr_destroy(&attributes);
    START(t, work, NULL);
    pthread_detach(t);
    pthread_exit(NULL);
}
