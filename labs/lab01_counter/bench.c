/*
 * bench.c: `count`: how many of the integers below HALF satisfy each of two predicates that take some ten
 * nanoseconds, on one thread, split plainly over the workers, and by the hand-in.
 *
 * The predicate is short on purpose: what a hand-in does for each number besides asking (a lock, a
 * shared atomic) must show. It is a row of multiplications without a branch: a processor does one of
 * them in each cycle, wherever the linker has put the code, so that this decides nothing. Nor does it whether
 * a hand-in branches on the answer or adds it up: nearly all are yes, so that the branch is foreseen.
 *
 * One predicate's are counted after the other's, and the hand-in's stack lies half a cache line further on then, from
 * the same place in a line in each run: the system puts a stack anywhere, and two threads' numbers on it that are 32
 * bytes apart share a line (lines.h) in one half of its places. So they do in one half of the count, not of the runs.
 */
#include "bench.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>

#include "seed.h"
#if BENCH_STUDENT
#include "counter.h"
#endif

enum { HALVES = 2, HALF = 4 * 1000 * 1000 / BENCH_DIVISOR, CACHE_LINE = 64 };

#define SIX(step) step step step step step step

static uint64_t salts[HALVES], salt; /* a predicate of its own for each half; written while nobody counts */

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
    for (size_t half = 0; half < HALVES; half++)
        salts[half] = seed_next(&state);
}

typedef uint64_t count_half(const struct bench_job *job, size_t half);

static uint64_t count_in_halves(const struct bench_job *job, count_half *count)
{
    uint64_t hits = 0;
    for (size_t half = 0; half < HALVES; half++) {
        salt = salts[half];
        hits += count(job, half);
    }
    return hits;
}

static uint64_t count_part(const struct bench_job *job, unsigned index, unsigned count)
{
    (void)job;
    bool (*ask)(int64_t) = predicate;
    const int64_t end = (int64_t)HALF * (index + 1) / count;
    uint64_t hits = 0;
    for (int64_t i = (int64_t)HALF * index / count; i < end; i++)
        hits += ask(i);
    return hits;
}

static uint64_t count_alone(const struct bench_job *job, size_t half)
{
    (void)half;
    return count_part(job, 0, 1);
}

static uint64_t run_baseline(const struct bench_job *job)
{
    return count_in_halves(job, count_alone);
}

static uint64_t count_split(const struct bench_job *job, size_t half)
{
    (void)half;
    return bench_split_threads(job, count_part);
}

static uint64_t run_yardstick(const struct bench_job *job)
{
    return count_in_halves(job, count_split);
}

#if BENCH_STUDENT
static uint64_t count_by_student(const struct bench_job *job, size_t half)
{
    alignas(CACHE_LINE) volatile char start_of_line[CACHE_LINE]; /* has the compiler align this function's stack */
    const volatile size_t shift = CACHE_LINE + half * (CACHE_LINE / HALVES); /* else it may be more or less: inlined */
    volatile char gap[shift];
    start_of_line[0] = 0;
    gap[0] = start_of_line[0];
    (void)gap;
    const int64_t count = counter_count(predicate, HALF, job->workers);
    if (count < 0)
        bench_fail("counter_count returned %lld", (long long)count);
    return (uint64_t)count;
}

static uint64_t run_student(const struct bench_job *job)
{
    return count_in_halves(job, count_by_student);
}
#endif

const struct bench_measure bench_measures[] = {
    {"count", prepare, run_baseline, run_yardstick, BENCH_ROLE(run_student), .steps = HALVES * HALF},
    {.name = NULL},
};
