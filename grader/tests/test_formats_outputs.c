/* test_formats_outputs.c: which files a report goes to, and what each holds at which time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../formats/environment.h"
#include "../formats/outputs.h"
#include "../text.h"
#include "test_formats_report.h"

static char *directory(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = text_format("%s/lockstep-test-XXXXXX", parent != NULL ? parent : "/tmp");
    cr_assert_not_null(mkdtemp(path));
    return path;
}

static void must(char *problem)
{
    cr_assert_null(problem, "%s", problem);
}

static void refused(char *problem, const char *word)
{
    cr_assert_not_null(problem);
    cr_expect_not_null(strstr(problem, word), "'%s' does not say '%s'", problem, word);
    free(problem);
}

static void holds(const char *path, const char *text)
{
    char *content = text_read_file(path, 8 << 20, NULL);
    cr_assert_not_null(content, "cannot read %s", path);
    cr_expect_not_null(strstr(content, text), "%s does not hold '%s'", path, text);
    free(content);
}

Test(outputs, requests)
{
    struct outputs outputs;
    cr_assert(outputs_begin(&outputs));
    refused(outputs_format(&outputs, "yaml"), "prairielearn");
    refused(outputs_path(&outputs, "x"), "follows no --format");
    must(outputs_format(&outputs, "json"));
    cr_expect_not_null(outputs_on_stdout(&outputs));
    must(outputs_path(&outputs, "a.json"));
    cr_expect_null(outputs_on_stdout(&outputs));
    refused(outputs_path(&outputs, "b.json"), "follows no --format");
    must(outputs_format(&outputs, "junit"));
    must(outputs_check(&outputs));
    must(outputs_format(&outputs, "text"));
    refused(outputs_check(&outputs), "stdout");
    outputs_release(&outputs);
}

Test(outputs, classroom50_without_its_variables)
{
    struct outputs outputs;
    unsetenv("CLASSROOM");
    cr_assert(outputs_begin(&outputs));
    refused(outputs_format(&outputs, "classroom50"), "CLASSROOM");
    outputs_release(&outputs);
}

Test(outputs, files_are_rewritten_and_streams_wait_for_the_end)
{
    struct outputs outputs;
    struct report report = sample_report();
    char *top = directory(), *file = text_join(top, "report.json"), *pipe_path = text_join(top, "pipe");
    cr_assert(outputs_begin(&outputs));
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    must(outputs_format(&outputs, "json"));
    must(outputs_path(&outputs, file));
    must(outputs_format(&outputs, "junit"));
    must(outputs_path(&outputs, pipe_path));
    must(outputs_check(&outputs));
    report.unfinished = true;
    cr_expect_null(outputs_write(&outputs, &report, false));
    holds(file, "\"unfinished\": true");
    report.unfinished = false;
    outputs.count = 1;
    cr_expect_null(outputs_write(&outputs, &report, true));
    char *content = text_read_file(file, 16 << 20, NULL);
    cr_expect_null(strstr(content, "unfinished"));
    free(content);
    outputs.count = 2;
    outputs_release(&outputs);
    unlink(file);
    unlink(pipe_path);
    cr_expect_eq(rmdir(top), 0, "a temporary file is left");
    free(top);
    free(file);
    free(pipe_path);
    report_release(&report);
}

Test(outputs, the_summary_of_a_step_is_added_to)
{
    struct outputs outputs;
    struct report report = sample_report();
    char *top = directory(), *summary = text_join(top, "summary.md"), *log = text_join(top, "log");
    cr_assert(text_write_file(summary, "before\n", 7));
    setenv("GITHUB_STEP_SUMMARY", summary, 1);
    cr_assert(outputs_begin(&outputs));
    must(outputs_format(&outputs, "github"));
    must(outputs_path(&outputs, log));
    must(outputs_check(&outputs));
    cr_expect_null(outputs_write(&outputs, &report, false));
    cr_expect_null(outputs_write(&outputs, &report, true));
    char *content = text_read_file(summary, 1 << 20, NULL);
    cr_assert_not_null(content);
    cr_expect_eq(strncmp(content, "before\n### lab01", 16), 0);
    cr_expect_null(strstr(strstr(content, "### lab01") + 1, "### lab01"), "it is there twice");
    free(content);
    holds(log, "::notice title=");
    outputs_release(&outputs);
    unlink(summary);
    unlink(log);
    cr_expect_eq(rmdir(top), 0);
    free(top);
    free(summary);
    free(log);
    report_release(&report);
}

Test(outputs, a_file_that_cannot_be_written_is_named)
{
    struct outputs outputs;
    struct report report = sample_report();
    cr_assert(outputs_begin(&outputs));
    must(outputs_format(&outputs, "json"));
    must(outputs_path(&outputs, "/nowhere/at/all.json"));
    must(outputs_check(&outputs));
    cr_expect_str_eq(outputs_write(&outputs, &report, true), "/nowhere/at/all.json");
    outputs_release(&outputs);
    report_release(&report);
}

Test(outputs, the_environment_of_the_host_is_wiped_out)
{
    char token[] = "GITHUB_TOKEN=abc", own[] = "My_Secret_1=abc", kept[] = "PATH=/usr/bin";
    char *list[] = {token, kept, own, NULL}, **before = environ;
    environ = list;
    environment_scrub();
    char **after = environ;
    environ = before;
    cr_expect_eq(after[0], kept);
    cr_expect_null(after[1]);
    cr_expect_str_eq(kept, "PATH=/usr/bin");
    cr_expect_eq(memcmp(token + 12, "\0\0\0\0", 4), 0);
    cr_expect_eq(memcmp(own + 11, "\0\0\0\0", 4), 0);
}
