/*
 * bench.c: counts the divisors of a list of numbers by trial division, as the notes do: the work for n takes n
 * divisions, and a few numbers are far larger than the others.
 *
 * The list is arranged against every split that is fixed in advance. The heavy numbers stand in the first half
 * only, at places that are multiples of the number of workers: whoever cuts the list into equal pieces gives
 * half of the workers next to nothing, and whoever deals it round gives one worker all. Either takes twice as
 * long as the yardstick, which knows what each number costs and cuts the divisions themselves into equal parts.
 */
#include "bench.h"

#include <stdbool.h>
#include <stdlib.h>

#include "seed.h"
#if BENCH_STUDENT
#include "pool.h"
#endif

enum {
    HEAVY_COUNT = 64,
    DIVISIONS = 60000000, /* all heavy numbers together, about */
    LIGHT_DIVISIONS = DIVISIONS / 12,
};

static int64_t *numbers;
static size_t numbers_count;

static void prepare(const struct bench_job *job)
{
    const size_t half = (size_t)HEAVY_COUNT * job->workers;
    uint64_t state = job->seed;
    numbers_count = 2 * half;
    numbers = calloc(numbers_count, sizeof *numbers);
    if (numbers == NULL)
        bench_fail("out of memory");
    const uint64_t heavy = DIVISIONS / HEAVY_COUNT, light = LIGHT_DIVISIONS / (numbers_count - HEAVY_COUNT);
    for (size_t i = 0; i < numbers_count; i++) {
        const uint64_t middle = i < half && i % job->workers == 0 ? heavy : light;
        numbers[i] = (int64_t)(middle - middle / 8 + seed_below(&state, middle / 4 + 1));
    }
}

/* Divisors of n among first, first + step, first + 2 * step, ... */
static uint32_t divisors_among(uint32_t n, uint32_t first, uint32_t step)
{
    uint32_t found = 0;
    for (uint32_t d = first; d <= n; d += step)
        found += n % d == 0;
    return found;
}

/* What the count of divisors at one place adds to the answer: a result in the wrong place changes it. */
static uint64_t weigh(size_t place, uint64_t divisors)
{
    return divisors * (2 * place + 1);
}

static uint64_t count_part(const struct bench_job *job, unsigned index, unsigned count)
{
    uint64_t answer = 0;
    (void)job;
    for (size_t i = 0; i < numbers_count; i++)
        answer += weigh(i, divisors_among((uint32_t)numbers[i], index + 1, count));
    return answer;
}

static uint64_t run_baseline(const struct bench_job *job)
{
    return count_part(job, 0, 1);
}

static uint64_t run_yardstick(const struct bench_job *job)
{
    return bench_split_processes(job, count_part);
}

#if BENCH_STUDENT
static int64_t count_divisors(int64_t n)
{
    return divisors_among((uint32_t)n, 1, 1);
}

static uint64_t run_student(const struct bench_job *job)
{
    uint64_t answer = 0;
    int64_t *outputs = calloc(numbers_count, sizeof *outputs);
    bool *failed = calloc(numbers_count, sizeof *failed);
    struct pool *pool = pool_create(job->workers);
    if (outputs == NULL || failed == NULL || pool == NULL)
        bench_fail("pool_create(%u) returned NULL", job->workers);
    const size_t failures = pool_map(pool, count_divisors, numbers, outputs, failed, numbers_count);
    if (failures != 0)
        bench_fail("pool_map reported %zu failed items", failures);
    pool_close(pool);
    for (size_t i = 0; i < numbers_count; i++)
        answer += weigh(i, (uint64_t)outputs[i]);
    free(outputs);
    free(failed);
    return answer;
}
#endif

const struct bench_measure bench_measures[] = {
    {"divisors", prepare, run_baseline, run_yardstick, BENCH_ROLE(run_student), 0},
    {.name = NULL},
};
