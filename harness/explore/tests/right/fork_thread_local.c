/* expect: right | after fork each thread of each process has thread-local variables of its own */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static _Thread_local int mine = 5;
static _Thread_local int zero;

static void *work(void *a)
{
    assert(mine == 5 && zero == 0);
    mine += (int)(intptr_t)a;
    sched_yield();
    assert(mine == 5 + (int)(intptr_t)a && zero == 0);
    return NULL;
}

static void *work_and_fork(void *a)
{
    int status;
    (void)a;
    mine = 50;
    const pid_t child = fork();
    assert(mine == 50 && zero == 0);
    mine += child == 0 ? 1 : 2;
    sched_yield();
    assert(mine == (child == 0 ? 51 : 52));
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, (void *)1);
        pthread_join(thread, NULL);
        _exit(mine);
    }
    assert(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 51);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    zero = 1;
    pthread_create(&thread, NULL, work_and_fork, NULL);
    sched_yield();
    assert(zero == 1 && mine == 5);
    pthread_join(thread, NULL);
    assert(zero == 1 && mine == 5);
    return 0;
}
