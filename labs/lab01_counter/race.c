/*
 * race.c: all functions of the contract at once, for helgrind, drd and ThreadSanitizer.
 *
 * Each thread calls one function only: a lock that is taken in another function would otherwise
 * order the threads and hide the place where it is forgotten.
 */
#include "counter.h"

#include <pthread.h>

#include "race.h"

enum { ROUNDS = 12, THREADS = 6, N = 90 };

static struct counter *counter;

static void *increment(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        counter_increment(counter);
    return argument;
}

static void *add(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        counter_add(counter, i % 2 == 0 ? 5 : -3);
    return argument;
}

static void *read_value(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        RACE_CHECK(counter_value(counter) >= -3 * 2 * ROUNDS, "counter_value says what was never there");
    return argument;
}

static bool is_third(int64_t number)
{
    return number % 3 == 0;
}

static void *count(void *argument)
{
    RACE_CHECK(counter_count(is_third, N, 3) == N / 3, "counter_count: wrong count");
    return argument;
}

int main(void)
{
    void *(*const jobs[THREADS])(void *) = {read_value, increment, add, increment, add, count};
    pthread_t threads[THREADS];
    counter = counter_create();
    RACE_CHECK(counter != NULL, "counter_create returned NULL");
    for (int i = 0; i < THREADS; i++)
        RACE_CHECK(pthread_create(&threads[i], NULL, jobs[i], NULL) == 0, "cannot start a thread");
    count(NULL); /* here, for drd finds a race on the main thread's stack, but not on another thread's */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const int64_t expected = 2 * ROUNDS + 2 * (ROUNDS / 2 * 5 - ROUNDS / 2 * 3);
    RACE_CHECK(counter_value(counter) == expected, "expected %lld, counter_value says %lld", (long long)expected,
               (long long)counter_value(counter));
    counter_free(counter);
    return 0;
}
