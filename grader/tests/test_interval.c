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
