/* expect: right | each thread has an argument of its own */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static int seen[3], number[3] = {0, 1, 2};
static void *work(void *a)
{
    seen[*(int *)a] = 1;
    return NULL;
}
int main(void)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        START(t[i], work, &number[i]);
    for (int i = 0; i < 3; i++)
        JOIN(t[i]);
    assert(seen[0] + seen[1] + seen[2] == 3);
    return 0;
}
