/*
 * bench.c: `count`: how many of the integers below NUMBERS satisfy a predicate that takes some ten
 * nanoseconds, on one thread, split plainly over the workers, and by the hand-in.
 *
 * The predicate is short on purpose: what a hand-in does for each number besides asking (a lock, a
 * shared atomic) must show. It is a row of multiplications without a branch: a processor does one of
 * them in each cycle, wherever the linker has put the code, so that this decides nothing. Nor does it whether
 * a hand-in branches on the answer or adds it up: nearly all are yes, so that the branch is foreseen.
 */
#include "bench.h"

#include <stdbool.h>

#include "seed.h"
#if BENCH_STUDENT
#include "counter.h"
#endif

enum { NUMBERS = 8 * 1000 * 1000 / BENCH_DIVISOR };

#define SIX(step) step step step step step step

static uint64_t salt; /* written by prepare, before any thread starts */

static bool satisfies(int64_t number)
{
    uint64_t mixed = (uint64_t)number;
    SIX(SIX(mixed = (mixed ^ salt) * 0x9e3779b97f4a7c15u;))
    return mixed >> 56 != 0;
}

/* Read anew for each run: the compiler must not build the predicate into the baseline's loop, for
 * it cannot do that for a hand-in. */
static bool (*volatile predicate)(int64_t) = satisfies;

static void prepare(const struct bench_job *job)
{
    uint64_t state = job->seed;
    salt = seed_next(&state);
}

static uint64_t count_part(const struct bench_job *job, unsigned index, unsigned count)
{
    (void)job;
    bool (*ask)(int64_t) = predicate;
    const int64_t end = (int64_t)NUMBERS * (index + 1) / count;
    uint64_t hits = 0;
    for (int64_t i = (int64_t)NUMBERS * index / count; i < end; i++)
        hits += ask(i);
    return hits;
}

static uint64_t run_baseline(const struct bench_job *job)
{
    return count_part(job, 0, 1);
}

static uint64_t run_yardstick(const struct bench_job *job)
{
    return bench_split_threads(job, count_part);
}

#if BENCH_STUDENT
static uint64_t run_student(const struct bench_job *job)
{
    const int64_t count = counter_count(predicate, NUMBERS, job->workers);
    if (count < 0)
        bench_fail("counter_count returned %lld", (long long)count);
    return (uint64_t)count;
}
#endif

const struct bench_measure bench_measures[] = {
    {"count", prepare, run_baseline, run_yardstick, BENCH_ROLE(run_student), NUMBERS},
    {.name = NULL},
};
