/* expect: right | cnd_timedwait, a detached thread, and keys that are deleted */
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static mtx_t lock;
static cnd_t cond;
static int ready;
static atomic_int destroyed;

static void destroy(void *value)
{
    (void)value;
    atomic_fetch_add(&destroyed, 1);
}

static int work(void *argument)
{
    tss_t *key = argument;
    tss_set(*key, key);
    mtx_lock(&lock);
    ready = 1;
    cnd_broadcast(&cond);
    mtx_unlock(&lock);
    return 0;
}

int main(void)
{
    struct timespec until;
    tss_t key, unused;
    thrd_t thread;
    tss_create(&key, destroy);
    tss_create(&unused, destroy);
    tss_set(unused, &until);
    tss_delete(unused); /* calls nothing */
    mtx_init(&lock, mtx_plain);
    cnd_init(&cond);
    thrd_create(&thread, work, &key);
    assert(thrd_detach(thread) == thrd_success);
    timespec_get(&until, TIME_UTC);
    until.tv_sec += 2;
    mtx_lock(&lock);
    int got = thrd_success;
    while (!ready && got == thrd_success)
        got = cnd_timedwait(&cond, &lock, &until);
    assert(ready || got == thrd_timedout);
    while (!ready)
        cnd_wait(&cond, &lock);
    mtx_unlock(&lock);
    assert(atomic_load(&destroyed) <= 1);
    quick_exit(0);
}
