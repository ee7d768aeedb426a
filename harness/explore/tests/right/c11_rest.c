/* expect: right | call_once, tss, timed and recursive mutexes */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static once_flag once = ONCE_FLAG_INIT;
static tss_t key;
static mtx_t lock;
static int made;
static void make(void)
{
    made++;
    tss_create(&key, free);
}
static int work(void *a)
{
    struct timespec until;
    call_once(&once, make);
    tss_set(key, malloc(1));
    assert(tss_get(key) != NULL);
    timespec_get(&until, TIME_UTC);
    until.tv_sec++;
    const int got = mtx_timedlock(&lock, &until);
    if (got == thrd_success) {
        assert(mtx_trylock(&lock) == thrd_success);
        mtx_unlock(&lock);
        mtx_unlock(&lock);
    }
    thrd_sleep(&(struct timespec){.tv_nsec = 1000}, NULL);
    return a == NULL && thrd_equal(thrd_current(), thrd_current()) ? 0 : 1;
}
int main(void)
{
    thrd_t t[2];
    mtx_init(&lock, mtx_timed | mtx_recursive);
    for (int i = 0; i < 2; i++)
        thrd_create(&t[i], work, NULL);
    for (int i = 0; i < 2; i++)
        thrd_join(t[i], NULL);
    assert(made == 1);
    mtx_destroy(&lock);
    return 0;
}
