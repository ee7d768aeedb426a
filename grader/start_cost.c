#include "start_cost.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "process.h"
#include "sandbox.h"
#include "text.h"

static const char *const trivial[] = {"true", NULL};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + (double)t.tv_nsec / 1e6;
}

static double ms_of(const struct timeval *t)
{
    return 1e3 * (double)t->tv_sec + (double)t->tv_usec / 1e3;
}

/* Starts the trivial program once. Returns false if it does not end well. */
static bool start(const struct sandbox *sandbox, double *cpu, double *wall)
{
    const struct process_spec spec = {.argv = trivial, .deadline = 20.0, .sandbox = sandbox};
    struct process_result result;
    const double begin = now_ms();
    if (!process_run(&spec, 1, 1, &result))
        return false;
    *wall = now_ms() - begin;
    *cpu = ms_of(&result.usage.ru_utime) + ms_of(&result.usage.ru_stime);
    const bool good = result.end == PROCESS_EXITED && result.code == 0;
    process_release(&result);
    return good;
}

double start_cost_cpu(const struct sandbox *sandbox)
{
    enum { STARTS = 12 };
    double least = INFINITY, cpu, wall;
    for (int i = 0; i < STARTS; i++)
        if (start(sandbox, &cpu, &wall))
            least = fmin(least, cpu);
    return least;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2.0;
}

bool start_cost_wall(size_t pairs, double *plain, double *isolated)
{
    static const struct sandbox nothing = {0};
    double *values[2] = {text_allocate(pairs, sizeof **values), text_allocate(pairs, sizeof **values)};
    double cpu;
    bool good = true;
    for (size_t i = 0; i < 2 * pairs && good; i++)
        good = start(i % 2 == 0 ? NULL : &nothing, &cpu, &values[i % 2][i / 2]);
    if (good) {
        *plain = median(values[0], pairs);
        *isolated = median(values[1], pairs);
    }
    free(values[1]);
    free(values[0]);
    return good;
}
