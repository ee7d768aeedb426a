/* expect: right | C11 threads, mutex, condition variable */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

static mtx_t lock;
static cnd_t cond;
static int count;
static int work(void *a)
{
    mtx_lock(&lock);
    count++;
    cnd_signal(&cond);
    mtx_unlock(&lock);
    thrd_yield();
    if (a == NULL)
        thrd_exit(3);
    return 4;
}
int main(void)
{
    thrd_t t[2];
    int result;
    mtx_init(&lock, mtx_plain);
    cnd_init(&cond);
    thrd_create(&t[0], work, NULL);
    thrd_create(&t[1], work, &count);
    mtx_lock(&lock);
    while (count < 2)
        cnd_wait(&cond, &lock);
    mtx_unlock(&lock);
    assert(thrd_join(t[0], &result) == thrd_success && result == 3);
    assert(thrd_join(t[1], &result) == thrd_success && result == 4);
    cnd_destroy(&cond);
    mtx_destroy(&lock);
    return 0;
}
