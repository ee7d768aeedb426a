#include "junit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "shown.h"

/* U+FFFE and U+FFFF are UTF-8 and yet no characters of XML 1.0 (section 2.2). */
static bool is_noncharacter(const char *c)
{
    return memcmp(c, "\xef\xbf", 2) == 0 && ((unsigned char)c[2] == 0xbe || (unsigned char)c[2] == 0xbf);
}

/* Writes clean text (shown.h) as character data; `attribute`: as the value of an attribute, in which newlines and tabs
 * stay what they are only as references. No `>` is left alone, so none ends a CDATA section somewhere. */
static void write_escaped(FILE *stream, const char *text, bool attribute)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (strlen(c) >= 3 && is_noncharacter(c)) {
            fputc('?', stream);
            c += 2;
            continue;
        }
        const char *entity = *c == '&'    ? "&amp;"
                             : *c == '<'  ? "&lt;"
                             : *c == '>'  ? "&gt;"
                             : !attribute ? NULL
                             : *c == '"'  ? "&quot;"
                             : *c == '\n' ? "&#10;"
                             : *c == '\t' ? "&#9;"
                                          : NULL;
        if (entity != NULL)
            fputs(entity, stream);
        else
            fputc(*c, stream);
    }
}

static void write_attribute(FILE *stream, const char *name, char *value)
{
    fprintf(stream, " %s=\"", name);
    write_escaped(stream, value, true);
    fputc('"', stream);
    free(value);
}

static void write_property(FILE *stream, const char *name, char *value)
{
    fputs("      <property", stream);
    write_attribute(stream, "name", text_format("%s", name));
    write_attribute(stream, "value", value);
    fputs("/>\n", stream);
}

static void write_properties(FILE *stream, const struct report *report)
{
    const char *why = report_no_mark(report);
    fputs("    <properties>\n", stream);
    write_property(stream, "title", shown_line(report->title, SHOWN_LINE));
    write_property(stream, "file", shown_line(report->file, SHOWN_LINE));
    write_property(stream, "seed", text_format("%llu", (unsigned long long)report->seed));
    if (why == NULL) {
        write_property(stream, "score", text_format("%d", report->score));
        write_property(stream, "max_score", text_format("%d", report->max_score));
    } else {
        write_property(stream, "no_mark", text_format("%s", why));
    }
    fputs("    </properties>\n", stream);
}

/* The element inside a test case that did not pass; NULL for one that did. */
static const char *outcome(const struct stage_result *stage)
{
    if (stage->status == STATUS_GRADER_ERROR)
        return "error";
    if (stage->status == STATUS_NOT_RUN)
        return "skipped";
    return shown_passed(stage) ? NULL : "failure";
}

static void write_outcome(FILE *stream, const struct stage_result *stage, const char *element)
{
    char *findings = shown_findings(stage, SHOWN_STAGE);
    fprintf(stream, "      <%s", element);
    write_attribute(stream, "message", shown_stage_note(stage));
    if (strcmp(element, "skipped") != 0)
        write_attribute(stream, "type", text_format("%s", status_name(stage->status)));
    fputc('>', stream);
    write_escaped(stream, findings, false);
    fprintf(stream, "</%s>\n", element);
    free(findings);
}

static void write_case(FILE *stream, const struct report *report, const struct stage_result *stage)
{
    const char *element = outcome(stage);
    fputs("    <testcase", stream);
    write_attribute(stream, "name", text_format("%s", stage->name));
    write_attribute(stream, "classname", shown_line(report->lab, SHOWN_LINE));
    write_attribute(stream, "time", text_format("%.3f", stage->seconds));
    fputs(">\n", stream);
    if (element != NULL)
        write_outcome(stream, stage, element);
    fputs("    </testcase>\n", stream);
}

static int count(const struct report *report, const char *element)
{
    int number = 0;
    for (size_t i = 0; i < report->stages_count; i++) {
        const char *is = outcome(&report->stages[i]);
        number += is != NULL && strcmp(is, element) == 0;
    }
    return number;
}

static void write_suite_start(FILE *stream, const struct report *report, const struct format_options *options)
{
    struct tm utc;
    char moment[32] = "1970-01-01T00:00:00";
    double seconds = 0;
    for (size_t i = 0; i < report->stages_count; i++)
        seconds += report->stages[i].seconds;
    if (gmtime_r(&options->now, &utc) != NULL)
        strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", &utc);
    fputs("  <testsuite", stream);
    write_attribute(stream, "name", shown_line(report->lab, SHOWN_LINE));
    write_attribute(stream, "package", text_format("lockstep"));
    write_attribute(stream, "id", text_format("0"));
    write_attribute(stream, "timestamp", text_format("%s", moment));
    write_attribute(stream, "hostname", text_format("localhost"));
    write_attribute(stream, "tests", text_format("%zu", report->stages_count));
    write_attribute(stream, "failures", text_format("%d", count(report, "failure")));
    write_attribute(stream, "errors", text_format("%d", count(report, "error")));
    write_attribute(stream, "skipped", text_format("%d", count(report, "skipped")));
    write_attribute(stream, "time", text_format("%.3f", seconds));
    fputs(">\n", stream);
}

/* Notes of stages that passed have no other place. */
static void write_notes(FILE *stream, const struct report *report)
{
    fputs("    <system-out>", stream);
    for (size_t i = 0; i < report->stages_count; i++) {
        if (outcome(&report->stages[i]) != NULL)
            continue;
        char *notes = shown_findings(&report->stages[i], SHOWN_STAGE);
        write_escaped(stream, notes, false);
        if (*notes != '\0')
            fputc('\n', stream);
        free(notes);
    }
    fputs("</system-out>\n    <system-err></system-err>\n", stream);
}

char *format_junit(const struct report *report, const struct format_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return text_copy("", 0);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", stream);
    write_suite_start(stream, report, options);
    write_properties(stream, report);
    for (size_t i = 0; i < report->stages_count; i++)
        write_case(stream, report, &report->stages[i]);
    write_notes(stream, report);
    fputs("  </testsuite>\n</testsuites>\n", stream);
    fclose(stream);
    return text;
}
