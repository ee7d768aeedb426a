/*
 * race.c: threads of one process use one value, so that the race checkers, which see nothing between processes,
 * see an access without a lock. Each function meets each other one: additions, updates and reads overlap.
 */
#include "race.h"

#include <pthread.h>
#include <sched.h>

#include "value.h"

enum { ROUNDS = 40, ADDERS = 2, ITEMS = 60 };

static struct value *value;
static pthread_barrier_t line;

static int64_t increment(int64_t old, void *arg)
{
    (void)arg;
    sched_yield();
    return old + 1;
}

static void *add(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&line);
    for (int i = 0; i < ROUNDS; i++) {
        value_add(value, 2);
        sched_yield();
    }
    return NULL;
}

static void *update(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&line);
    for (int i = 0; i < ROUNDS; i++)
        value_update(value, increment, NULL);
    return NULL;
}

static void *get(void *unused)
{
    static int64_t shrunk;
    int64_t last = 0;
    (void)unused;
    pthread_barrier_wait(&line);
    for (int i = 0; i < ROUNDS; i++) {
        const int64_t now = value_get(value);
        shrunk += now < last;
        last = now;
        sched_yield();
    }
    return &shrunk;
}

static int64_t item(uint64_t index)
{
    return (int64_t)index;
}

int main(void)
{
    void *(*const bodies[])(void *) = {add, update, get, add, update};
    enum { THREADS = sizeof bodies / sizeof *bodies, UPDATERS = 2 };
    pthread_t threads[THREADS];
    void *result, *shrunk = NULL;
    value = value_create(0);
    RACE_CHECK(value != NULL, "value_create returned NULL");
    pthread_barrier_init(&line, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        RACE_CHECK(pthread_create(&threads[i], NULL, bodies[i], NULL) == 0, "no thread to be had");
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        if (result != NULL)
            shrunk = result;
    }
    RACE_CHECK(*(int64_t *)shrunk == 0, "the value only grows, but value_get returned a smaller one than before");
    const int64_t expected = ADDERS * ROUNDS * 2 + UPDATERS * ROUNDS;
    RACE_CHECK(value_get(value) == expected, "threads added %ld, the value is %ld", (long)expected,
               (long)value_get(value));
    RACE_CHECK(value_reduce(value, item, ITEMS, 2) == 0, "value_reduce did not return 0");
    RACE_CHECK(value_get(value) == expected + ITEMS * (ITEMS - 1) / 2, "value_reduce left the value at %ld",
               (long)value_get(value));
    value_free(value);
    pthread_barrier_destroy(&line);
    return 0;
}
