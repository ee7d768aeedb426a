/* expect: right | store buffering, sequentially consistent */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static atomic_int x, y;
static int rx, ry;
static void *one(void *a)
{
    x = 1;
    ry = y;
    return a;
}
static void *other(void *a)
{
    y = 1;
    rx = x;
    return a;
}
int main(void)
{
    pthread_t t[2];
    START(t[0], one, NULL);
    START(t[1], other, NULL);
    JOIN(t[0]);
    JOIN(t[1]);
    assert(rx == 1 || ry == 1);
    return 0;
}
