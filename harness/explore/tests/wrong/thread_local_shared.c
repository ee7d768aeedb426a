/* expect: data race | a thread's own variable is handed to another */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static _Thread_local int mine;
static void *work(void *a)
{
    ++*(int *)a;
    mine = 3;
    return NULL;
}
int main(void)
{
    pthread_t t;
    START(t, work, &mine);
    mine = 1;
    JOIN(t);
    return 0;
}
