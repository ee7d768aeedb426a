#include "interval.h"

#include <math.h>

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

enum interval_side interval_side(const struct interval *interval, double threshold)
{
    if (interval->low >= threshold)
        return INTERVAL_ABOVE;
    return interval->high < threshold ? INTERVAL_BELOW : INTERVAL_UNDECIDED;
}
