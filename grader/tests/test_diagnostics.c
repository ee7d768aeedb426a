#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "../diagnostics.h"
#include "../text.h"

static struct manifest manifest = {.id = (char[]){"lab01"}, .file = (char[]){"counter.c"}};
static struct workspace workspace = {.root = (char[]){"/w"}, .handin_shown = (char[]){"labs/lab01_counter/counter.c"}};

static struct stage_result start(void)
{
    return (struct stage_result){.name = "build", .max_score = 10};
}

Test(diagnostics, first_compile_error)
{
    struct stage_result result = start();
    diagnostics_compile_error(
        &result, &manifest, &workspace,
        "counter.c: In function 'f':\ncounter.c:7:9: warning: unused variable 'x'\n"
        "counter.c:9:5: error: expected ';' before 'int'\n    9 |     int x\ncounter.c:12:1: error: more\n");
    cr_assert_eq(result.findings_count, 1);
    cr_expect_eq(result.findings[0].line, 9);
    cr_expect_eq(result.findings[0].cost, 10);
    cr_expect_not_null(strstr(result.findings[0].message, "expected ';' before 'int'"));
    cr_expect_str_eq(result.findings[0].file, "labs/lab01_counter/counter.c");
    cr_expect_str_eq(result.findings[0].command, "make lab01");
    result_release(&result);
}

Test(diagnostics, error_without_a_line)
{
    struct stage_result result = start();
    diagnostics_compile_error(&result, &manifest, &workspace, "cc1: out of memory\n");
    cr_assert_eq(result.findings_count, 1);
    cr_expect_eq(result.findings[0].line, 0);
    result_release(&result);
}

Test(diagnostics, warnings_are_few_and_cost_nothing)
{
    struct stage_result result = start();
    diagnostics_warnings(&result, &manifest, &workspace,
                         "counter.c:1:1: warning: a\ncounter.c:2:1: warning: b\nother.h:3:1: warning: c\n"
                         "counter.c:4:1: warning: d\ncounter.c:5:1: warning: e\n");
    cr_assert_eq(result.findings_count, 3);
    cr_expect_eq(result.findings[2].line, 4);
    cr_expect_eq(result.findings[0].cost, 0);
    result_release(&result);
}

Test(diagnostics, undefined_reference)
{
    struct stage_result result = start();
    static const char output[] =
        "/usr/bin/ld: /w/bin/handin.o: in function `counter_add':\n"
        "/w/handin/counter.c:23: undefined reference to `helper'\ncollect2: error: ld returned 1 exit status\n";
    cr_expect(diagnostics_linker_spoke(output));
    diagnostics_link_error(&result, &manifest, &workspace, output);
    cr_assert_eq(result.findings_count, 1);
    cr_expect_eq(result.findings[0].line, 23);
    cr_expect_not_null(strstr(result.findings[0].message, "'helper' is called but defined nowhere"));
    cr_expect_null(strstr(result.findings[0].detail, "/w/"), "no path of the workspace is shown");
    result_release(&result);
}

Test(diagnostics, a_full_disk_is_no_fault_of_the_hand_in)
{
    cr_expect(diagnostics_machine_failed("fatal error: error writing to /tmp/x.s: No space left on device\n"));
    cr_expect(!diagnostics_machine_failed("counter.c:9:5: error: expected ';'\n"));
    cr_expect(!diagnostics_linker_spoke("counter.c:9:5: error: expected ';'\n"));
}
