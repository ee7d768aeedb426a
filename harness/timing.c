#include "timing.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double timing_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double timing_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

long timing_switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

void timing_sleep_ms(unsigned milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

/* Late looks are others' doing; whoever is waited for is kept from the CPUs as well. */
static const double look_most = 0.004;

bool timing_wait_until(bool (*ready)(void *arg), void *arg, double seconds)
{
    double left = seconds, last = timing_now();
    while (!ready(arg)) {
        if (left <= 0)
            return false;
        timing_sleep_ms(1);
        const double now = timing_now(), passed = now - last;
        left -= passed < look_most ? passed : look_most;
        last = now;
    }
    return true;
}
