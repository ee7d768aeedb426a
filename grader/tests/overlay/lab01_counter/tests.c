/* Hidden tests for the tests of the grader. */
#include "counter.h"
#include "test.h"

LAB_TEST(secret_of_negative_numbers)
{
    struct counter *counter = counter_create();
    counter_add(counter, -5);
    cr_assert_eq(counter_value(counter), -5, "secret: the counter must say -5");
    counter_free(counter);
}

LAB_TEST(secret_of_two_counters)
{
    struct counter *one = counter_create(), *two = counter_create();
    counter_increment(one);
    cr_assert_eq(counter_value(two), 0, "secret: the second counter counts along");
    counter_free(one);
    counter_free(two);
}
