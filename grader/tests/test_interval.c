#include <criterion/criterion.h>

#include <math.h>

#include "../interval.h"

Test(interval, one_ratio_decides_nothing)
{
    const double ratios[] = {2.0};
    const struct interval i = interval_of_ratios(ratios, 1);
    cr_expect_eq(interval_side(&i, 0.001), INTERVAL_UNDECIDED);
    cr_expect_eq(interval_side(&i, 1000.0), INTERVAL_UNDECIDED);
}

Test(interval, equal_ratios_decide_at_once)
{
    const double ratios[] = {2.0, 2.0, 2.0};
    const struct interval i = interval_of_ratios(ratios, 3);
    cr_expect_eq(interval_side(&i, 2.1), INTERVAL_BELOW);
    cr_expect_eq(interval_side(&i, 1.9), INTERVAL_ABOVE);
}

Test(interval, bounds_are_those_of_the_t_distribution)
{
    /* logarithms -0.1, 0, 0.1: mean 0, standard deviation 0.1, t for 2 degrees of freedom 9.925 */
    const double ratios[] = {exp(-0.1), 1.0, exp(0.1)};
    const struct interval i = interval_of_ratios(ratios, 3);
    cr_expect_float_eq(log(i.high), 9.925 * 0.1 / sqrt(3.0), 1e-3);
    cr_expect_float_eq(log(i.low), -9.925 * 0.1 / sqrt(3.0), 1e-3);
    cr_expect_float_eq(i.middle, 1.0, 1e-9);
    cr_expect_eq(interval_side(&i, 0.9), INTERVAL_UNDECIDED);
}

Test(interval, more_rounds_narrow_it)
{
    double ratios[12];
    for (int n = 0; n < 12; n++)
        ratios[n] = n % 2 == 0 ? 0.9 : 1.1;
    const struct interval few = interval_of_ratios(ratios, 4), many = interval_of_ratios(ratios, 12);
    cr_expect_lt(many.high - many.low, few.high - few.low);
    cr_expect_eq(interval_side(&many, 0.7), INTERVAL_ABOVE);
}

Test(interval, median_takes_eight)
{
    const double ratios[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct interval seven = interval_of_median(ratios, 7), eight = interval_of_median(ratios, 8);
    cr_expect(seven.low == 0.0 && isinf(seven.high));
    cr_expect(isinf(interval_of_median(ratios, 0).high));
    /* all of eight on one side of the median: twice 1 in 256 */
    cr_expect_float_eq(eight.low, 1.0, 1e-9);
    cr_expect_float_eq(eight.high, 8.0, 1e-9);
    cr_expect_float_eq(eight.middle, sqrt(4.0 * 5.0), 1e-9);
}

Test(interval, median_ranks_are_those_of_the_sign_test)
{
    double ratios[20];
    for (int n = 0; n < 20; n++)
        ratios[(7 * n) % 20] = n + 1; /* in disorder */
    const struct interval i = interval_of_median(ratios, 20);
    /* any table: with 20, the 4th from each end */
    cr_expect_float_eq(i.low, 4.0, 1e-9);
    cr_expect_float_eq(i.high, 17.0, 1e-9);
}

Test(interval, median_is_not_moved_by_what_is_far_off)
{
    double ratios[20];
    for (int n = 0; n < 20; n++)
        ratios[n] = n < 3 ? 1000.0 : 0.5 + 0.001 * n;
    const struct interval mean = interval_of_ratios(ratios, 20), median = interval_of_median(ratios, 20);
    cr_expect_eq(interval_side(&mean, 0.7), INTERVAL_UNDECIDED);
    cr_expect_eq(interval_side(&median, 0.7), INTERVAL_BELOW);
}
