#include "interval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Student's t for a two-sided 99 % interval, by degrees of freedom (any table of the distribution). */
static double t_99(size_t freedom)
{
    static const double table[] = {INFINITY, 63.66, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169,
                                   3.106,    3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845};
    const size_t last = sizeof table / sizeof *table - 1;
    return table[freedom < last ? freedom : last];
}

struct interval interval_of_ratios(const double *ratios, size_t count)
{
    double sum = 0.0, squares = 0.0;
    if (count == 0)
        return (struct interval){.low = 0.0, .middle = 1.0, .high = INFINITY};
    for (size_t i = 0; i < count; i++)
        sum += log(ratios[i]);
    const double mean = sum / (double)count;
    if (count < 2)
        return (struct interval){.low = 0.0, .middle = exp(mean), .high = INFINITY};
    for (size_t i = 0; i < count; i++)
        squares += (log(ratios[i]) - mean) * (log(ratios[i]) - mean);
    const double error = sqrt(squares / (double)(count - 1) / (double)count);
    const double half = t_99(count - 1) * error;
    return (struct interval){.low = exp(mean - half), .middle = exp(mean), .high = exp(mean + half)};
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many ratios at each end do not bound the median with 99 % confidence. Of `count` ratios, k or fewer lie below it
 * as often as k or fewer of as many coins show heads: with at most half of 1 % for one end, those are left out, and the
 * next one is the bound. Negative if that is true of no k. */
static int ranks_left_out(size_t count)
{
    double share = pow(0.5, (double)count), sum = share;
    int k = -1;
    while (sum <= 0.005) {
        k++;
        share *= (double)(count - (size_t)k) / (k + 1);
        sum += share;
    }
    return k;
}

struct interval interval_of_median(const double *ratios, size_t count)
{
    enum { MOST = 64 };
    double sorted[MOST];
    const size_t used = count < MOST ? count : MOST;
    const int left_out = ranks_left_out(used);
    if (left_out < 0)
        return (struct interval){.low = 0.0, .middle = 1.0, .high = INFINITY};
    memcpy(sorted, ratios, used * sizeof *sorted);
    qsort(sorted, used, sizeof *sorted, compare);
    return (struct interval){.low = sorted[left_out],
                             .middle = sqrt(sorted[(used - 1) / 2] * sorted[used / 2]),
                             .high = sorted[used - 1 - (size_t)left_out]};
}

enum interval_side interval_side(const struct interval *interval, double threshold)
{
    if (interval->low >= threshold)
        return INTERVAL_ABOVE;
    return interval->high < threshold ? INTERVAL_BELOW : INTERVAL_UNDECIDED;
}
