/*
 * bench.c: the sum of many items, each of which takes some ten nanoseconds: far less than it takes two cores to hand a
 * lock, or even one atomic number, back and forth. Whoever adds each item to the shared value spends the time on that.
 *
 * What is no merit of a hand-in must not decide. So an item takes longer than to add to a number in memory, where some
 * compilers leave a sum. And it is a row of multiplications without a loop: a processor does one of them in each cycle,
 * however the linker has placed the code, and reads the instructions twice as fast.
 */
#include "bench.h"

#include "seed.h"
#if BENCH_STUDENT
#include "value.h"
#endif

enum { ITEMS = 10000000 / BENCH_DIVISOR };

#define SIX(step) step step step step step step

static uint64_t salt;

static void prepare(const struct bench_job *job)
{
    uint64_t state = job->seed;
    salt = seed_next(&state);
}

static int64_t item(uint64_t index)
{
    uint64_t mixed = index;
    SIX(SIX(mixed = (mixed ^ salt) * 0xbf58476d1ce4e5b9u;))
    return (int64_t)(mixed >> 32);
}

/* Items are called through a pointer that the compiler cannot see through, as the hand-in calls them. */
static int64_t (*volatile item_pointer)(uint64_t index) = item;

static uint64_t sum_part(const struct bench_job *job, unsigned index, unsigned count)
{
    int64_t (*const call)(uint64_t index) = item_pointer;
    const uint64_t first = (uint64_t)ITEMS * index / count, last = (uint64_t)ITEMS * (index + 1) / count;
    int64_t sum = 0;
    (void)job;
    for (uint64_t i = first; i < last; i++)
        sum += call(i);
    return (uint64_t)sum;
}

static uint64_t run_baseline(const struct bench_job *job)
{
    return sum_part(job, 0, 1);
}

static uint64_t run_yardstick(const struct bench_job *job)
{
    return bench_split_processes(job, sum_part);
}

#if BENCH_STUDENT
static uint64_t run_student(const struct bench_job *job)
{
    struct value *value = value_create(0);
    if (value == NULL)
        bench_fail("value_create returned NULL");
    if (value_reduce(value, item_pointer, ITEMS, job->workers) != 0)
        bench_fail("value_reduce did not return 0");
    const uint64_t answer = (uint64_t)value_get(value);
    value_free(value);
    return answer;
}
#endif

const struct bench_measure bench_measures[] = {
    {"reduce", prepare, run_baseline, run_yardstick, BENCH_ROLE(run_student), .steps = ITEMS},
    {.name = NULL},
};
