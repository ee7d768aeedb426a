/* expect: right | looks at a stop flag between thousands of pieces of work on local variables */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_bool stop;

static void *work(void *a)
{
    long sum = 0;
    for (int i = 0; i < 10000 && !atomic_load(&stop); i++)
        sum += i;
    return sum > 0 ? a : NULL;
}

int main(void)
{
    pthread_t t;
    pthread_create(&t, NULL, work, NULL);
    pthread_join(t, NULL);
    return 0;
}
