/* expect: data race | C11 threads without a lock */
#define _GNU_SOURCE
#include <threads.h>

static int count;
static int work(void *a)
{
    (void)a;
    count++;
    return 0;
}
int main(void)
{
    thrd_t t[2];
    thrd_create(&t[0], work, NULL);
    thrd_create(&t[1], work, NULL);
    thrd_join(t[0], NULL);
    thrd_join(t[1], NULL);
    return 0;
}
