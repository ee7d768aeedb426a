/* Hidden scenarios for the tests of the grader. */
#include "counter.h"

#include <pthread.h>
#include <stddef.h>

#include "scenario.h"

static struct counter *counter;

static void *add_seven(void *argument)
{
    counter_add(counter, 7);
    return argument;
}

SCENARIO(secret_value_between)
{
    pthread_t thread;
    counter = counter_create();
    scenario_expect(pthread_create(&thread, NULL, add_seven, NULL) == 0, "secret: no thread");
    const int64_t value = counter_value(counter);
    scenario_expect(value == 0 || value == 7, "secret: half of seven");
    pthread_join(thread, NULL);
    counter_free(counter);
    counter = NULL;
}
