#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "../kit.h"

static struct kit kit_here(void)
{
    struct kit kit = {0};
    const char *root = getenv("LOCKSTEP_ROOT");
    kit.top = realpath(root != NULL ? root : ".", NULL);
    kit.harness = strdup("build/harness");
    return kit;
}

Test(kit, labs_are_sorted_and_have_a_manifest)
{
    struct kit kit = kit_here();
    char **labs = kit_labs(&kit);
    size_t count = 0;
    for (; labs[count] != NULL; count++) {
        cr_expect_not_null(strstr(labs[count], "/labs/lab"));
        cr_expect(count == 0 || strcmp(labs[count - 1], labs[count]) < 0);
    }
    cr_expect_geq(count, 5);
    for (size_t i = 0; i < count; i++)
        free(labs[i]);
    free(labs);
    kit_release(&kit);
}

Test(kit, a_lab_is_named_by_number_or_in_full)
{
    struct kit kit = kit_here();
    char *by_number = kit_lab(&kit, "lab01"), *in_full = kit_lab(&kit, "lab01_counter");
    cr_assert_not_null(by_number);
    cr_assert_not_null(in_full);
    cr_expect_str_eq(by_number, in_full);
    cr_expect_null(kit_lab(&kit, "lab0"));
    cr_expect_null(kit_lab(&kit, "lab01_count"));
    cr_expect_null(kit_lab(&kit, "lab"));
    cr_expect_null(kit_lab(&kit, ""));
    cr_expect_null(kit_lab(&kit, "../labs/lab01"));
    free(by_number);
    free(in_full);
    kit_release(&kit);
}

Test(kit, is_not_found_without_a_built_harness)
{
    struct kit kit;
    char *error = NULL;
    /* the test program stands in build/tests: no harness beside it */
    cr_assert(!kit_find(&kit, &error));
    cr_expect_not_null(error);
    free(error);
}
