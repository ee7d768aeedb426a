/*
 * interval.h: confidence intervals for ratios of times.
 */
#ifndef GRADER_INTERVAL_H
#define GRADER_INTERVAL_H

#include <stddef.h>

enum interval_side { INTERVAL_BELOW, INTERVAL_UNDECIDED, INTERVAL_ABOVE };

struct interval {
    double low, middle, high; /* of the ratio */
};

/* interval_of_ratios: the 99 % confidence interval of the typical ratio, from `count` observed ones (all > 0). With
 * fewer than two, low is 0 and high infinite. Ratios of times multiply, so the interval is that of the mean of
 * logarithms (Student's t, two-sided): the middle is the geometric mean. Pure; thread safe. */
struct interval interval_of_ratios(const double *ratios, size_t count);

/* interval_of_median: the same for the median, from ranks: no single ratio, however far out, moves it. It takes at
 * least 8 ratios, 64 are looked at; with fewer than 8 low is 0 and high infinite. Pure; thread safe. */
struct interval interval_of_median(const double *ratios, size_t count);

/* interval_side: on which side of `threshold` the whole interval lies. A bound that equals it counts as above. */
enum interval_side interval_side(const struct interval *interval, double threshold);

#endif
