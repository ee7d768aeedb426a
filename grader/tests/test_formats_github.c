/*
 * test_formats_github.c: what GitHub's runner makes of the log, and GitHub of the summary.
 *
 * The rules are those of actions/runner (ActionCommand: TryParseV2 and TryParse; the command that stops all others) and
 * of "Workflow commands for GitHub Actions": at most 10 annotations of a kind a step, a summary of at most 1 MiB.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "test_formats_report.h"

enum { COMMANDS_MAX = 64 };

struct workflow_command {
    char *name, *file, *line, *title, *data;
};

struct log {
    struct workflow_command commands[COMMANDS_MAX];
    size_t count;
    char *stopped; /* the token that ends the fence; NULL outside of one */
};

static char *unescape(const char *text)
{
    static const char *const codes[][2] = {{"%0D", "\r"}, {"%0A", "\n"}, {"%3A", ":"}, {"%2C", ","}, {"%25", "%"}};
    char *out = text_copy(text, strlen(text));
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char *next = text_replace(out, codes[i][0], codes[i][1]);
        free(out);
        out = next;
    }
    return out;
}

static void take_property(struct workflow_command *command, char *property)
{
    char *value = strchr(property, '=');
    cr_assert_not_null(value, "property '%s' has no value", property);
    *value++ = '\0';
    char **place = strcmp(property, "file") == 0    ? &command->file
                   : strcmp(property, "line") == 0  ? &command->line
                   : strcmp(property, "title") == 0 ? &command->title
                                                    : NULL;
    cr_assert_not_null(place, "property '%s' is not known", property);
    *place = unescape(value);
}

/* A line as the runner reads it: `::name key=value,...::data`, or the older `##[name]data` anywhere in it. */
static void read_line(struct log *log, char *line)
{
    char *start = line + strspn(line, " \t");
    char *end = strncmp(start, "::", 2) == 0 ? strstr(start + 2, "::") : NULL;
    if (end == NULL) {
        cr_assert(log->stopped != NULL || strstr(line, "##[") == NULL, "a command of the old form: %s", line);
        return;
    }
    *end = '\0';
    if (log->stopped != NULL) {
        if (strcmp(start + 2, log->stopped) == 0)
            log->stopped = NULL;
        return;
    }
    cr_assert_lt(log->count, COMMANDS_MAX);
    struct workflow_command *command = &log->commands[log->count++];
    char *state = NULL, *properties = strchr(start + 2, ' ');
    if (properties != NULL)
        *properties++ = '\0';
    command->name = start + 2;
    command->data = unescape(end + 2);
    char *property = properties != NULL ? strtok_r(properties, ",", &state) : NULL;
    for (; property != NULL; property = strtok_r(NULL, ",", &state))
        take_property(command, property);
    if (strcmp(command->name, "stop-commands") == 0)
        log->stopped = end + 2;
}

static void read_log(struct log *log, char *text)
{
    char *state = NULL;
    *log = (struct log){0};
    for (char *line = strtok_r(text, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state))
        read_line(log, line);
}

static void release(struct log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->commands[i].file);
        free(log->commands[i].line);
        free(log->commands[i].title);
        free(log->commands[i].data);
    }
}

static size_t count(const struct log *log, const char *name)
{
    size_t number = 0;
    for (size_t i = 0; i < log->count; i++)
        number += strcmp(log->commands[i].name, name) == 0;
    return number;
}

Test(formats, github)
{
    struct report report = sample_report();
    char *text = made("github", &report);
    struct log log;
    cr_expect_null(strchr(text, '\033'));
    cr_expect_null(strchr(text, '\r'));
    read_log(&log, text);
    cr_assert_null(log.stopped, "the fence is not closed");
    cr_expect_eq(count(&log, "stop-commands"), 1);
    cr_expect_eq(count(&log, "error"), 10);
    cr_expect_eq(count(&log, "warning"), 1);
    cr_expect_eq(count(&log, "notice"), 1);
    cr_expect_eq(log.count, 13, "something else is a command, too");
    const struct workflow_command *error = &log.commands[2];
    cr_expect_str_eq(error->file, "sub/work/labs/lab01_counter/a,b:c%.c");
    cr_expect_str_eq(error->line, "31");
    cr_expect_str_eq(error->title, "lab01 tests, -3");
    cr_expect_not_null(strstr(error->data, "finding 0: "));
    cr_expect_not_null(strstr(error->data, "\n::error file=/etc/passwd,line=1::planted\n"), "it is not kept as it was");
    cr_expect_not_null(strstr(error->data, "100%25 %0A::error::planted"), "a per cent sign is not kept as it was");
    cr_expect_not_null(strstr(error->data, "한국어"));
    const struct workflow_command *last = &log.commands[log.count - 1];
    cr_expect_str_eq(last->data, "39 of 110 points; 2 more errors in the log");
    release(&log);
    free(text);
    report_release(&report);
}

Test(formats, github_says_when_there_is_no_mark)
{
    struct report report = sample_error();
    char *text = made("github", &report);
    struct log log;
    read_log(&log, text);
    cr_expect_str_eq(log.commands[log.count - 1].data,
                     "no mark: the grader failed in a stage; 3 more errors in the log");
    release(&log);
    free(text);
    report_release(&report);
}

Test(formats, github_paths_outside_of_the_repository_stay_what_they_are)
{
    struct report report = sample_report();
    free(report.stages[1].findings[0].file);
    report.stages[1].findings[0].file = text_format("/etc/x.c");
    free(report.stages[1].findings[1].file);
    report.stages[1].findings[1].file = text_format("/home/runner/repository/x.c");
    free(report.stages[1].findings[2].file);
    report.stages[1].findings[2].file = text_format("../x.c");
    char *text = made("github", &report);
    struct log log;
    read_log(&log, text);
    cr_expect_str_eq(log.commands[2].file, "/etc/x.c");
    cr_expect_str_eq(log.commands[3].file, "/home/runner/repository/x.c");
    cr_expect_str_eq(log.commands[4].file, "x.c");
    release(&log);
    free(text);
    report_release(&report);
}

static size_t ticks(const char *line)
{
    return strspn(line, "`");
}

/* What of the summary is not inside of a fence (CommonMark, 4.5). */
static char *outside(char *text)
{
    char *out = text_allocate(strlen(text) + 2, 1), *end = out, *state = NULL;
    size_t fence = 0;
    for (char *line = strtok_r(text, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state)) {
        const size_t run = ticks(line);
        if (fence == 0 && run >= 3)
            fence = run;
        else if (fence > 0 && run >= fence && line[run] == '\0')
            fence = 0;
        else if (fence == 0)
            end = stpcpy(stpcpy(end, line), "\n");
    }
    cr_expect_eq(fence, 0, "a fence is not closed");
    return out;
}

Test(formats, markdown)
{
    struct report report = sample_report();
    char *text = made("markdown", &report);
    cr_expect_lt(strlen(text), 1 << 20);
    cr_expect_null(strchr(text, '\033'));
    cr_expect(text_is_utf8(text, strlen(text)));
    cr_expect_not_null(strstr(text, "39 of 110 points"));
    cr_expect_not_null(strstr(text, "| tests | 9/45 | FAILED"));
    char *plain = outside(text);
    static const char *const markup[] = {"<script", "<!--", "@planted", "[x](http", "finding 0"};
    for (size_t i = 0; i < sizeof markup / sizeof *markup; i++)
        cr_expect_null(strstr(plain, markup[i]), "'%s' is markup", markup[i]);
    free(plain);
    free(text);
    report_release(&report);
}
