/* Golden reports: what a report looks like, byte for byte. LOCKSTEP_UPDATE_GOLDEN=1 writes the files anew. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../report.h"
#include "../report_json.h"
#include "../report_text.h"
#include "../text.h"

static char *golden_path(const char *name)
{
    const char *root = getenv("LOCKSTEP_ROOT");
    return text_format("%s/grader/tests/golden/%s", root != NULL ? root : ".", name);
}

static void compare(const char *name, const char *text)
{
    char *path = golden_path(name);
    if (getenv("LOCKSTEP_UPDATE_GOLDEN") != NULL)
        cr_assert(text_write_file(path, text, strlen(text)));
    char *wanted = text_read_file(path, 1 << 20, NULL);
    cr_assert_not_null(wanted, "cannot read %s", path);
    cr_expect_str_eq(text, wanted, "%s differs; the report is now:\n%s", path, text);
    free(wanted);
    free(path);
}

static struct finding *place(struct finding *finding, int line, const char *source, int cost)
{
    finding->file = text_format("labs/lab01_counter/counter.c");
    finding->line = line;
    finding->source = source != NULL ? text_format("%s", source) : NULL;
    finding->cost = cost;
    return finding;
}

static void add_build(struct report *report)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = "build", .max_score = 10, .seconds = 0.5};
    place(result_add(stage, "warning", "The compiler warns: unused variable 'x'"), 20, "    int x;", 0);
    result_finish(stage, STATUS_PASSED, 10, "compiles and links");
}

static void add_tests(struct report *report)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = "tests", .max_score = 45, .seconds = 1.25};
    struct finding *finding =
        place(result_add(stage, "test-failed",
                         "increments_are_not_lost: 4 threads added 100000 each: expected 400000, the counter says %d",
                         271234),
              31, "    c->value++;", 10);
    finding->detail =
        text_format("Two threads read the same value, both add one, and one of the two increments is lost.");
    finding->command = text_format("make lab01 TEST=increments_are_not_lost");
    result_finish(stage, STATUS_FAILED, 35, "11 of 12 tests pass");
}

static void add_races(struct report *report)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = "races", .max_score = 25, .seconds = 2.0};
    struct finding *finding = place(result_add(stage, "data-race",
                                               "data race: one thread writes at counter.c:31 what another reads, and "
                                               "\033[31mnothing\033[0m orders the two."),
                                    31, "    c->value++;", 25);
    finding->command = text_format("make keep LAB=lab01 && valgrind --tool=helgrind build/keep/lab01/bin/race");
    result_finish(stage, STATUS_FAILED, 0, "1 place");
}

/* Two scenarios fail: by the race that `races` tells, too, and by one that no other stage shows. */
static void add_schedules(struct report *report)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = "schedules", .max_score = 15, .seconds = 0.5};
    struct finding *finding =
        place(result_add(stage, "data-race", "two_increments: an update is lost. It comes of a data race."), 31,
              "    c->value++;", 5);
    finding->detail = text_format("The schedule that shows it:\nA       B\n31      .\n.       31");
    finding->command = text_format("make replay LAB=lab01 SCHEDULE=two_increments:3b");
    place(result_add(stage, "data-race", "add_and_read: data race."), 44, "    return c->value;", 5);
    result_finish(stage, STATUS_FAILED, 5, "2 of 3 scenarios fail in some schedule");
}

static void add_speedup(struct report *report, enum status status)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = "speedup", .max_score = 20};
    if (status == STATUS_GRADER_ERROR)
        result_grader_error(stage, "cannot start '%s'", "bin/baseline");
    else
        result_finish(stage, status, 20, "count not measured");
}

static struct report make_report(enum status speedup)
{
    struct report report = {.schema = "lockstep/report/1",
                            .lab = text_format("lab01_counter"),
                            .title = text_format("Threaded counter"),
                            .file = text_format("labs/lab01_counter/counter.c"),
                            .score = 65,
                            .max_score = 100,
                            .seed = 1,
                            .cores = 2,
                            .compiler = text_format("gcc 12"),
                            .programs_cpu = 4.5};
    add_build(&report);
    add_tests(&report);
    add_races(&report);
    add_speedup(&report, speedup);
    return report;
}

static char *as_text(const struct report *report, bool color)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    report_text(stream, report, color);
    fclose(stream);
    return text;
}

Test(report, text)
{
    struct report report = make_report(STATUS_NOT_RUN);
    char *text = as_text(&report, false);
    compare("report.txt", text);
    cr_expect_null(strchr(text, '\033'));
    free(text);
    report_release(&report);
}

/* `races` repeats what `schedules` shows exactly, and adds a place of its own. */
Test(report, one_race_is_one_finding)
{
    struct report report = make_report(STATUS_NOT_RUN);
    add_schedules(&report);
    place(result_add(&report.stages[2], "data-race", "data race: one thread writes at counter.c:52."), 52,
          "    c->calls++;", 0);
    char *text = as_text(&report, false);
    compare("report-merged.txt", text);
    cr_expect_null(strstr(text, "what another reads"));
    free(text);
    char *json = report_json(&report);
    cr_expect_not_null(strstr(json, "what another reads"));
    free(json);
    report_release(&report);
}

Test(report, pages)
{
    struct stage_result result = {0};
    char *page = finding_page(result_add(&result, "data-race", "data race"));
    cr_expect_str_eq(page, "grader/explain/data-race.md");
    free(page);
    cr_expect_null(finding_page(result_add(&result, "note", "a note")));
    result_grader_error(&result, "a fault");
    cr_expect_null(finding_page(&result.findings[2]));
    result_release(&result);
}

Test(report, text_in_color)
{
    struct report report = make_report(STATUS_NOT_RUN);
    char *text = as_text(&report, true);
    compare("report-color.txt", text);
    free(text);
    report_release(&report);
}

Test(report, our_own_fault_is_no_mark)
{
    struct report report = make_report(STATUS_GRADER_ERROR);
    cr_expect(report_has_error(&report));
    char *text = as_text(&report, false);
    compare("report-error.txt", text);
    free(text);
    report_release(&report);
}

Test(report, untouched_skeleton_is_short)
{
    struct report report = make_report(STATUS_NOT_RUN);
    report.untouched = true;
    report.first_todo = 12;
    char *text = as_text(&report, false);
    compare("report-untouched.txt", text);
    free(text);
    report_release(&report);
}

Test(report, json)
{
    struct report report = make_report(STATUS_NOT_RUN);
    char *json = report_json(&report);
    compare("report.json", json);
    free(json);
    report_release(&report);
}
