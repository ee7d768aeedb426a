#include "test_formats_report.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

const char hostile[] = "\033[31mred\033[0m \033]0;title\a 100%25 %0A::error::planted\r\n"
                       "::error file=/etc/passwd,line=1::planted\n"
                       "  ::stop-commands::guess\n"
                       "##[error]planted, too\n"
                       "]]></failure><script>planted()</script>&amp;\"'\n"
                       "`````\n| a | b |\n@planted #1 [x](http://x) <!-- \n```\n"
                       "{\"scores\": {\"tests\": 9999}}\n"
                       "한국어 학생의 출력 \xff\xfe\xc0\x80 \xed\xa0\x80 \xef\xbf\xbf\xef\xbf\xbe \x01\x02\x7f";

static void add_findings(struct stage_result *stage)
{
    for (int i = 0; i < 12; i++) {
        struct finding *finding = result_add(stage, "test-failed", "finding %d: %s", i, hostile);
        finding->detail = text_format("%s", hostile);
        finding->file = text_format("work/./labs/../labs/lab01_counter/a,b:c%%.c");
        finding->line = 31;
        finding->source = text_format("%s", "    c->value++; /* ]]> ::error::x */");
        finding->command = text_format("make lab01 TEST=x");
        finding->cost = 3;
    }
    const size_t length = 5 << 20;
    struct finding *flood = &stage->findings[0];
    free(flood->detail);
    flood->detail = text_allocate(length + 4, 1);
    for (size_t i = 0; i < length; i += 3)
        memcpy(flood->detail + i, "학", 3);
}

static struct stage_result *next_stage(struct report *report, const char *name, int max_score)
{
    struct stage_result *stage = &report->stages[report->stages_count++];
    *stage = (struct stage_result){.name = name, .max_score = max_score, .seconds = 1.25};
    return stage;
}

static void add_hidden(struct report *report)
{
    struct stage_result *stage = next_stage(report, "hidden", 10);
    stage->visibility = AFTER_DUE_DATE;
    result_add(stage, "test-failed", "secret of the hidden tests")->cost = 10;
    result_finish(stage, STATUS_FAILED, 0, "secret summary");
}

struct report sample_report(void)
{
    struct report report = {.schema = "lockstep/report/1",
                            .lab = text_format("lab01_counter"),
                            .title = text_format("Threaded counter %s", hostile),
                            .file = text_format("work/labs/lab01_counter/a,b:c%%.c"),
                            .seed = 1,
                            .cores = 2,
                            .compiler = text_format("gcc 12")};
    struct stage_result *stage = next_stage(&report, "build", 10);
    result_add(stage, "warning", "The compiler warns: %s", hostile)->line = 7;
    result_finish(stage, STATUS_PASSED, 10, "compiles and links");
    stage = next_stage(&report, "tests", 45);
    add_findings(stage);
    result_finish(stage, STATUS_FAILED, 9, "%s", hostile);
    stage = next_stage(&report, "schedules", 25);
    result_finish(stage, STATUS_NOT_RUN, 0, "waits for the first test to pass");
    stage = next_stage(&report, "speedup", 20);
    result_figure(stage, "count, speed-up", 1.92, false);
    result_finish(stage, STATUS_PASSED, 20, "count 1.92x");
    add_hidden(&report);
    report.score = 39;
    report.max_score = 110;
    return report;
}

struct report sample_error(void)
{
    struct report report = sample_report();
    result_grader_error(&report.stages[1], "cannot start '%s'", hostile);
    return report;
}

void flood(struct report *report, char c)
{
    const size_t length = 5 << 20;
    for (size_t i = 0; i < report->stages_count; i++) {
        struct finding *finding = result_add(&report->stages[i], "note", "much");
        finding->detail = text_allocate(length + 1, 1);
        memset(finding->detail, c, length);
    }
}

struct format_options sample_options(void)
{
    static char *values[] = {"cs-principles",
                             "counter",
                             "individual",
                             "alice",
                             "submit/2026-06-01T14-32-05Z-a1b2c3d",
                             "https://host/commit/1",
                             "https://host/release/1",
                             "https://host/compare/0...1"};
    struct format_options options = {.now = 1780324325,
                                     .directory = "/home/runner/repo/sub",
                                     .repository = "/home/runner/repo",
                                     .token = "0123456789abcdef0123456789abcdef"};
    memcpy(options.variables, values, sizeof values);
    return options;
}

char *made(const char *format, const struct report *report)
{
    const struct format_options options = sample_options();
    const struct format *row = format_find(format);
    cr_assert_not_null(row, "no format '%s'", format);
    return format_text(row, report, &options);
}

static void check_clean(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        cr_assert((unsigned char)*c >= 0x20 || *c == '\n' || *c == '\t', "control character %d in '%.60s'", *c, text);
    cr_assert_null(strchr(text, 0x7f));
    cr_assert(text_is_utf8(text, strlen(text)));
}

static void check_strings(json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value))
        check_clean(json_string_value(value));
    json_array_foreach(value, i, item)
    {
        check_strings(item);
    }
    json_object_foreach(value, key, item)
    {
        check_clean(key);
        check_strings(item);
    }
}

json_t *made_json(const char *format, const struct report *report)
{
    json_error_t error;
    char *text = made(format, report);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s in line %d", error.text, error.line);
    check_strings(root);
    free(text);
    return root;
}

static bool is_listed(const char *const *list, const char *word)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

void check_keys(const json_t *object, const char *const *allowed, const char *const *required)
{
    const char *key;
    json_t *value;
    cr_assert(json_is_object(object));
    json_object_foreach((json_t *)object, key, value)
    {
        cr_expect(is_listed(allowed, key), "key '%s' is not known", key);
    }
    for (; *required != NULL; required++)
        cr_expect_not_null(json_object_get(object, *required), "key '%s' is missing", *required);
}
