#include <criterion/criterion.h>

#include <string.h>

#include "../stages/tests_trial.h"

/* The failure of a test that is worth 3 points, after it failed again in `failures` of 4 runs. */
static struct finding *repeated(struct stage_result *result, int failures)
{
    struct finding *failure = result_add(result, "test-failed", "two_at_once: got 1, not 2");
    failure->test = "two_at_once";
    failure->cost = 3;
    trial_repeated(failure, failures, 4);
    return failure;
}

Test(tests_judge, a_test_that_fails_mostly_costs_its_points)
{
    for (int failures = 3; failures <= 4; failures++) {
        struct stage_result result = {.name = "tests"};
        const struct finding *failure = repeated(&result, failures);
        cr_expect_eq(failure->cost, 3);
        cr_expect(trial_is_failure(failure));
        cr_expect_str_eq(failure->message, "two_at_once: got 1, not 2");
        result_release(&result);
    }
}

Test(tests_judge, a_test_that_fails_now_and_then_is_a_note)
{
    for (int failures = 0; failures <= 2; failures++) {
        struct stage_result result = {.name = "tests"};
        const struct finding *failure = repeated(&result, failures);
        char words[] = "in 0 of 4 more";
        words[3] = (char)('0' + failures);
        cr_expect_eq(failure->cost, 0);
        cr_expect_not(trial_is_failure(failure));
        cr_expect_str_eq(failure->kind, "note");
        cr_expect(strncmp(failure->message, "two_at_once: got 1, not 2\n", 26) == 0, "says what failed: %s",
                  failure->message);
        cr_expect_not_null(strstr(failure->message, words));
        result_release(&result);
    }
}

Test(tests_judge, a_note_about_no_test_is_no_failure)
{
    struct stage_result result = {.name = "tests"};
    cr_expect_not(trial_is_failure(result_add(&result, "note", "worth knowing")));
    cr_expect_not(trial_is_failure(result_add(&result, "limit", "of no test")));
    result_release(&result);
}
