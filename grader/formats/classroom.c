#include "classroom.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "base64.h"
#include "json.h"
#include "shown.h"

/* The reporter gets the result in an environment variable, which Linux limits to 128 KiB. */
enum { MESSAGE = 4 * 1024 };

static json_t *test(const struct report *report, const struct stage_result *stage)
{
    json_t *object = json_object();
    const char *status = stage->status == STATUS_GRADER_ERROR ? "error" : shown_passed(stage) ? "pass" : "fail";
    json_object_set_new(object, "name", json_string(stage->name));
    json_object_set_new(object, "status", json_string(status));
    json_object_set_new(object, "score", json_integer(report_is_marked(report) ? stage->score : 0));
    json_object_set_new(object, "execution_time", json_own(text_format("%.1fs", stage->seconds)));
    json_object_set_new(object, "filename", json_own(shown_line(report->file, SHOWN_LINE)));
    json_object_set_new(object, "line_no", json_integer(stage->findings_count > 0 ? stage->findings[0].line : 0));
    if (!shown_passed(stage)) {
        char *note = shown_stage_note(stage), *findings = shown_findings(stage, MESSAGE);
        json_object_set_new(object, "message", json_own(text_format("%s\n%s", note, findings)));
        free(note);
        free(findings);
    }
    return object;
}

/* A result whose max_score is 0 counts for nothing. */
char *format_classroom(const struct report *report, const struct format_options *options)
{
    json_t *root = json_object(), *tests = json_array();
    const bool marked = report_is_marked(report);
    (void)options;
    for (size_t i = 0; i < report->stages_count; i++)
        json_array_append_new(tests, test(report, &report->stages[i]));
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "status",
                        json_string(!marked                              ? "error"
                                    : report->score == report->max_score ? "pass"
                                                                         : "fail"));
    json_object_set_new(root, "max_score", json_integer(marked ? report->max_score : 0));
    json_object_set_new(root, "tests", tests);
    char *json = json_text(root, JSON_COMPACT);
    char *encoded = base64_encode(json, strlen(json));
    char *line = text_format("%s\n", encoded);
    free(json);
    free(encoded);
    return line;
}
