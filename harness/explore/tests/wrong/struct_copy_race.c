/* expect: data race | a structure is copied while another thread writes it */
#define _GNU_SOURCE
#include <pthread.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static struct {
    long a[8];
} box, copy;
static void *work(void *a)
{
    box.a[5] = 1;
    return a;
}
int main(void)
{
    pthread_t t;
    START(t, work, NULL);
    copy = box;
    JOIN(t);
    return 0;
}
