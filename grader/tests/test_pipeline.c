#include <criterion/criterion.h>

#include "../pipeline.h"

Test(pipeline, stage_names)
{
    const unsigned build = 1u << STAGE_BUILD, tests = 1u << STAGE_TESTS, races = 1u << STAGE_RACES,
                   speedup = 1u << STAGE_SPEEDUP, schedules = 1u << STAGE_SCHEDULES, hidden = 1u << STAGE_HIDDEN;
    cr_expect_eq(pipeline_stages(NULL), build | tests | schedules | races | speedup | hidden);
    cr_expect_eq(pipeline_stages("hidden"), build | hidden);
    cr_expect_eq(pipeline_stages("build"), build);
    cr_expect_eq(pipeline_stages("races"), build | schedules | races,
                 "nothing runs without what build makes, and the explorer decides about races");
    cr_expect_eq(pipeline_stages("speedup,tests"), build | tests | speedup);
    cr_expect_eq(pipeline_stages("tests,"), 0);
    cr_expect_eq(pipeline_stages(""), 0);
    cr_expect_eq(pipeline_stages("test"), 0);
    cr_expect_eq(pipeline_stages("testsx"), 0);
}
