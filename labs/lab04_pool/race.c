/*
 * race.c: a small use of the whole contract of lab04, for the race checkers. Workers are processes and share no
 * memory with the caller, so what can be found here is in threads, locks and signals that a hand-in uses
 * besides. The checkers follow into the workers.
 */
#include "race.h"

#include <signal.h>

#include "pool.h"
#include "timing.h"

enum { COUNT = 12, DEADLY = 5 };

static int64_t square(int64_t input)
{
    return input * input;
}

static int64_t square_or_die(int64_t input)
{
    if (input == DEADLY)
        raise(SIGKILL);
    if (input > DEADLY) /* the other worker must not have done all of these before the death is seen */
        timing_sleep_ms(30);
    return input * input;
}

static void map_and_check(struct pool *pool, pool_fn *fn, int deadly)
{
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT];
    for (int i = 0; i < COUNT; i++)
        inputs[i] = i;
    const size_t failures = pool_map(pool, fn, inputs, outputs, failed, COUNT);
    RACE_CHECK(failures == (deadly >= 0), "pool_map returned %zu failed items instead of %d", failures, deadly >= 0);
    for (int i = 0; i < COUNT; i++) {
        RACE_CHECK(failed[i] == (i == deadly), "failed[%d] is wrong", i);
        RACE_CHECK(i == deadly || outputs[i] == i * i, "outputs[%d] is %ld instead of %d", i, (long)outputs[i], i * i);
    }
}

int main(void)
{
    struct pool *pool = pool_create(2);
    RACE_CHECK(pool != NULL, "pool_create(2) returned NULL");
    map_and_check(pool, square, -1);
    map_and_check(pool, square_or_die, DEADLY);
    map_and_check(pool, square, -1);
    pool_close(pool);
    return 0;
}
