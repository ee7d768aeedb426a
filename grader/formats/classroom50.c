#include "classroom50.h"

#include <jansson.h>
#include <stdlib.h>

#include "../text.h"
#include "json.h"
#include "shown.h"

enum { OUTPUT = 16 * 1024 };

static json_t *variable(const struct format_options *options, enum format_variable which, const char *otherwise)
{
    const char *value = options->variables[which];
    return json_own(shown_line(value != NULL ? value : otherwise, SHOWN_LINE));
}

static json_t *moment(time_t now)
{
    struct tm utc;
    char text[32] = "1970-01-01T00:00:00Z";
    if (gmtime_r(&now, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

static json_t *test(const struct stage_result *stage)
{
    json_t *object = json_object();
    json_object_set_new(object, "test-name", json_string(stage->name));
    json_object_set_new(object, "passed", json_boolean(shown_passed(stage)));
    json_object_set_new(object, "score", json_integer(stage->score));
    json_object_set_new(object, "max-score", json_integer(stage->max_score));
    json_object_set_new(object, "message", json_own(shown_stage_note(stage)));
    json_object_set_new(object, "output", json_own(shown_findings(stage, OUTPUT)));
    return object;
}

char *format_classroom50(const struct report *report, const struct format_options *options)
{
    const bool marked = report_is_marked(report);
    json_t *root = json_object(), *tests = json_array();
    for (size_t i = 0; i < report->stages_count && marked; i++)
        json_array_append_new(tests, test(&report->stages[i]));
    json_object_set_new(root, "schema", json_string("classroom50/result/v1"));
    json_object_set_new(root, "classroom", variable(options, FORMAT_CLASSROOM, ""));
    json_object_set_new(root, "assignment", variable(options, FORMAT_ASSIGNMENT, ""));
    json_object_set_new(root, "assignment_type", variable(options, FORMAT_ASSIGNMENT_TYPE, "individual"));
    json_object_set_new(root, "owner", variable(options, FORMAT_OWNER, ""));
    json_object_set_new(root, "submission", variable(options, FORMAT_SUBMISSION_TAG, ""));
    json_object_set_new(root, "commit", variable(options, FORMAT_COMMIT_URL, ""));
    json_object_set_new(root, "release", variable(options, FORMAT_RELEASE_URL, ""));
    json_object_set_new(root, "review", variable(options, FORMAT_REVIEW_URL, options->variables[FORMAT_COMMIT_URL]));
    json_object_set_new(root, "datetime", moment(options->now));
    json_object_set_new(root, "graded_at", moment(options->now));
    /* Without a mark: 0 of 0, as its runner writes for an error of its own. */
    json_object_set_new(root, "score", json_integer(marked ? report->score : 0));
    json_object_set_new(root, "max-score", json_integer(marked ? report->max_score : 0));
    json_object_set_new(root, "tests", tests);
    return json_text(root, JSON_INDENT(2));
}
