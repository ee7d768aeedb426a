/* expect: right | each thread has its own variable */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#define START(thread, function, argument) pthread_create(&(thread), NULL, function, argument)
#define JOIN(thread) pthread_join(thread, NULL)

static _Thread_local int mine = 5;
static _Thread_local int zero;
static void *work(void *a)
{
    const int n = (int)(intptr_t)a;
    assert(mine == 5 && zero == 0);
    for (int i = 0; i < n; i++) {
        mine++;
        sched_yield();
    }
    assert(mine == 5 + n && zero == 0);
    return NULL;
}
int main(void)
{
    pthread_t t[2];
    mine = 100;
    for (int i = 0; i < 2; i++)
        START(t[i], work, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 2; i++)
        JOIN(t[i]);
    assert(mine == 100);
    return 0;
}
