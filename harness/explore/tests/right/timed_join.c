/* expect: right | a join with a time: over while the thread waits, in time when it ends; by either clock, or without end */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <time.h>

static sem_t go;
static int number;

static void *wait_and_write(void *argument)
{
    while (sem_wait(&go) != 0)
        continue;
    number++;
    return argument;
}

static struct timespec in_a_second(clockid_t clock)
{
    struct timespec until;
    clock_gettime(clock, &until);
    until.tv_sec++;
    return until;
}

int main(void)
{
    pthread_t one, other;
    void *result;
    struct timespec until = in_a_second(CLOCK_REALTIME);
    sem_init(&go, 0, 0);
    assert(pthread_create(&one, NULL, wait_and_write, &number) == 0);
    assert(pthread_timedjoin_np(one, &result, &until) == ETIMEDOUT);
    sem_post(&go);
    do
        until = in_a_second(CLOCK_MONOTONIC);
    while (pthread_clockjoin_np(one, &result, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
    assert(result == &number && number == 1);
    sem_post(&go);
    assert(pthread_create(&other, NULL, wait_and_write, NULL) == 0);
    assert(pthread_timedjoin_np(other, NULL, NULL) == 0 && number == 2);
    sem_destroy(&go);
    return 0;
}
