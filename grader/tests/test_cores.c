#include <criterion/criterion.h>

#include "../cores.h"

Test(cores, quota_is_counted_in_whole_cpus)
{
    static const struct {
        const char *text;
        int cores;
    } cases[] = {{"max 100000", 8},    {"100000 100000", 1},
                 {"150000 100000", 1}, {"50000 100000", 1},
                 {"200000 100000", 2}, {"900000 100000", 8},
                 {"-1 100000", 8},     {"0 100000", 8},
                 {"100000 0", 8},      {"", 8},
                 {"100000", 8},        {"x y", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(cores_of_quota(cases[i].text, 8), cases[i].cores, "'%s': %d", cases[i].text,
                     cores_of_quota(cases[i].text, 8));
}

Test(cores, there_is_at_least_one)
{
    cr_expect_geq(cores_allowed(), 1);
}
